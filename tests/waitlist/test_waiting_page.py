"""The page behind an entry's link: what is offered, the answers to it, and how it ends."""

import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from bookings.models import Appointment, Booking, OfferOutcome, WaitlistEntry
from bookings.patients import links
from bookings.scheduling import appointments, moving
from bookings.scheduling.actors import CLOCK, PATIENT
from bookings.scheduling.waitlist import answers, entries, offers
from practices.models import Kind, Practice
from tests.booking_page.visits import House, seen
from tests.desk.world import said
from tests.factories import NOON
from tests.waitlist.families import held, join, look, mailed, offer

pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def house(clock: Any, db: None, settings: Any) -> House:
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example.org"}
    return House()


class Link:
    """A browser without cookies, on which the link of an entry is opened."""

    def __init__(self, entry: WaitlistEntry, language: str = "") -> None:
        self.client = Client()
        self.entry = entry
        self.address = f"{language}/waiting/{links.give(entry)}"

    def reads(self, page: str = "", **query: str) -> str:
        return said(self.client.get(self.address + page, query))

    def seen(self) -> str:
        return seen(self.client.get(self.address).text)

    def press(self, page: str, seen: str | None = None, **fields: str) -> Any:
        """Send a form, as the page showed the offer just now, and follow to what it leads to."""
        said = {"seen": self.seen() if seen is None else seen, **fields}
        return self.client.post(self.address + page, said, follow=True)

    def status(self) -> str:
        self.entry.refresh_from_db()
        return self.entry.status


def offered(house: House, **wishes: Any) -> Link:
    """Return the link of a family that is offered June 3, 9:00 AM."""
    house.opening()
    entry = join(house.practice, **wishes)
    look(house.practice)
    assert held(entry)
    return Link(entry)


def book(booking: Booking, **fields: Any) -> Appointment:
    said: Any = {"status": "booked", "first_name": "Zoe", **fields}
    return appointments.take(booking_id=booking.pk, fields=said, by=PATIENT, now=NOON)


def lapse(link: Link, clock: Any) -> None:
    """Turn the clock to the end of what is offered."""
    found = offer(link.entry)
    assert found is not None
    clock.move_to(found.until)


def test_it_says_what_is_offered_and_until_when_and_opening_it_changes_nothing(
    house: House,
) -> None:
    link = offered(house)
    for _ in range(2):
        text = link.reads()
    assert "Do you want this time?" in text
    assert "A visit for Ada Byron" in text
    assert "Wednesday, June 3, 2026, 9:00 AM Eastern Time" in text
    assert "on hold for you until Monday, June 1, 2026, 4:00 PM (Eastern Time)" in text
    assert "call (212) 555-0100" in text
    for page in ("/accept", "/decline", "/resume"):
        assert link.client.get(link.address + page)["Location"] == link.address
    assert "Do you want to leave the waiting list?" in link.reads("/leave")
    assert (link.status(), len(held(link.entry))) == ("waiting", 1)


def test_it_is_never_stored_framed_or_found_by_search_sites(house: House) -> None:
    answer = offered(house).client.get(Link(WaitlistEntry.objects.get()).address)
    assert answer["Cache-Control"] == "no-store"
    assert (answer["Referrer-Policy"], answer["X-Robots-Tag"]) == ("no-referrer", "noindex")
    assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
    assert answer["X-Frame-Options"] == "DENY"
    assert not answer.cookies


def test_who_takes_it_has_the_visit_and_its_link(house: House) -> None:
    link = offered(house)
    answer = link.press("/accept")
    text = said(answer)
    visit = Appointment.objects.get()
    assert (visit.status, link.status()) == ("booked", "booked")
    assert "Your visit is booked" in text
    assert "Wednesday, June 3, 2026, 9:00 AM" in text
    assert f"/visit/{links.give(visit)}" in answer.text
    assert "ada@family.example" in text
    assert said(link.press("/accept", seen="of a page before")) == text  # pressed twice
    assert visit.events.last().actor == "patient"  # type: ignore[union-attr]  # there are some


def test_who_declines_stays_on_the_list_and_is_told_so(house: House) -> None:
    link = offered(house)
    text = said(link.press("/decline"))
    assert "You did not take that time. You are still on the waiting list." in text
    assert link.entry.offers.get().outcome == OfferOutcome.DECLINED
    assert (link.status(), offer(link.entry)) == ("waiting", None)


def test_what_was_declined_or_taken_back_is_not_taken_from_an_old_page(house: House) -> None:
    mine = book(house.opening(day=12), first_name="Ada", email="ada@family.example")
    early = book(house.opening())
    link = Link(join(house.practice, visits=[mine]))
    appointments.cancel(appointment_id=early.pk, by=PATIENT, now=NOON + timedelta(minutes=1))
    look(house.practice, NOON + timedelta(minutes=1))
    before = link.seen()
    link.press("/decline")
    answer = link.press("/accept", seen=before)
    assert answer.status_code == 409
    assert "This time can no longer be booked." in said(answer)
    assert Appointment.objects.get(pk=mine.pk).booking_id == mine.booking_id


def test_who_declines_and_leaves_gives_the_place_back_in_one_act(house: House) -> None:
    link = offered(house)
    text = said(link.press("/leave"))
    assert "You are no longer on the waiting list" in text
    assert "See the free times" in text
    assert link.entry.offers.get().outcome == OfferOutcome.DECLINED
    assert link.status() == "left"
    assert link.client.get(f"{link.address}/leave")["Location"] == link.address


@pytest.mark.parametrize("language", ["", "/es"])
def test_a_mail_program_takes_a_family_off_the_list_with_one_request(
    house: House, language: str
) -> None:
    link = Link(offered(house).entry, language)
    for _ in range(2):
        answer = link.client.post(f"{link.address}/leave", ONE_CLICK)
        assert (answer.status_code, answer.has_header("Location")) == (200, False)
    assert (link.status(), offer(link.entry)) == ("left", None)


def test_what_was_not_seen_is_not_taken(house: House, clock: Any) -> None:
    link = offered(house)
    before = link.seen()
    later = house.opening(day=9)
    found = offer(link.entry)
    assert found is not None
    offers.end(offer_id=found.pk, outcome=OfferOutcome.WITHDRAWN, by=CLOCK, now=NOON)
    look(house.practice)
    assert held(link.entry)[0].booking_id == later.pk
    for page in ("/accept", "/decline"):
        answer = link.press(page, seen=before)
        assert answer.status_code == 409
        assert "What you are offered changed" in said(answer)
        assert "Tuesday, June 9, 2026" in said(answer)
    assert held(link.entry)[0].status == "pending"


def test_late_it_can_be_taken_where_nobody_else_has_it(house: House, clock: Any) -> None:
    link = offered(house)
    lapse(link, clock)
    text = link.reads()
    assert "You are on the waiting list" in text
    assert "9:00 AM was on hold for you until Monday, June 1, 2026, 4:00 PM (Eastern Time)" in text
    assert "Take this time anyway" in text
    assert "Your visit is booked" in said(link.press("/accept"))
    assert link.status() == "booked"


def test_late_it_goes_to_the_next_family_and_the_first_stays_on_the_list(
    house: House, clock: Any
) -> None:
    link = offered(house)
    was_seen, other = link.seen(), join(house.practice, "Ben")
    lapse(link, clock)
    answer = link.press("/accept", seen=was_seen)
    assert answer.status_code == 409
    assert "This time can no longer be booked. You are still on the waiting list." in said(answer)
    assert "It has gone to another family" in link.reads()
    assert "Take this time anyway" not in link.reads()
    assert (link.status(), len(held(other))) == ("waiting", 1)


def test_of_a_time_that_has_begun_nothing_is_said(house: House, clock: Any) -> None:
    link = offered(house)
    clock.move_to(NOON + timedelta(days=3))
    assert "on hold for you" not in link.reads()


def test_who_did_not_answer_twice_is_asked_again_only_on_request(house: House, clock: Any) -> None:
    link = offered(house)
    house.opening(day=4)
    assert "more times until you ask" not in link.reads()
    mailed(link.entry)
    lapse(link, clock)
    assert "we will not offer you more times until you ask for them" in link.reads()
    mailed(link.entry)
    lapse(link, clock)
    text = link.reads()
    assert "You did not answer the last times that we offered you" in text
    third = house.opening(day=5)
    assert "You are not being offered times right now" in link.reads()
    assert "June 5, 2026" in said(link.press("/resume"))
    assert held(link.entry)[0].booking_id == third.pk


def test_an_earlier_time_is_shown_with_the_visit_that_it_replaces(house: House) -> None:
    later = house.opening(day=12)
    mine = book(later, first_name="Ada", last_name="Byron", email="ada@family.example")
    early = book(house.opening())
    link = Link(join(house.practice, visits=[mine]))
    assert "An earlier time than Friday, June 12, 2026, 9:00 AM" in link.reads()
    appointments.cancel(appointment_id=early.pk, by=PATIENT, now=NOON + timedelta(minutes=1))
    look(house.practice, NOON + timedelta(minutes=1))
    text = link.reads()
    assert "Do you want this earlier time?" in text
    assert "Instead of Friday, June 12, 2026, 9:00 AM" in text
    assert "Your visit stays as it is unless you take this time." in text
    text = said(link.press("/accept"))
    assert "Your visit has been moved. This is its new time." in text
    assert "Wednesday, June 3, 2026, 9:00 AM" in text
    mine.refresh_from_db()
    assert mine.booking_id == early.booking_id


def test_an_earlier_time_is_not_taken_where_the_visit_has_changed_meanwhile(house: House) -> None:
    mine = book(house.opening(day=12), first_name="Ada", email="ada@family.example")
    early = book(house.opening())
    link = Link(join(house.practice, visits=[mine]))
    appointments.cancel(appointment_id=early.pk, by=PATIENT, now=NOON + timedelta(minutes=1))
    look(house.practice, NOON + timedelta(minutes=1))
    before = link.seen()
    to: Any = {mine.pk: {"booking_id": house.opening(day=11).pk}}
    moving.move(to=to, by=PATIENT, now=NOON)
    assert link.press("/accept", seen=before).status_code == 409
    assert "Instead of Thursday, June 11" in link.reads()


def test_a_family_whose_names_are_not_known_says_them_and_loses_nothing_typed(
    house: House,
) -> None:
    for minutes in (0, 30):
        house.booking(start_datetime=NOON + timedelta(days=2, minutes=minutes), length=30)
    entry = join(house.practice, people=2)
    look(house.practice)
    link = Link(entry)
    assert re.search("Ada Byron ?: 12:00 PM.* Person 2 ?: 12:30 PM", link.reads())
    answer = link.press("/accept", first_name_2="Canary")
    assert answer.status_code == 400
    assert "Enter the last name" in said(answer)
    assert 'value="Canary"' in answer.text
    typed = {"first_name_2": "Canary", "language": ""}  # of book.js, on the way to Spanish
    spanish = Link(entry, "/es").client.post(f"/es{link.address}", typed)
    assert 'value="Canary"' in spanish.text
    text = said(link.press("/accept", first_name_2="Ben", last_name_2="Byron"))
    assert "Your visits are booked" in text
    names = {each.unread_person.first_name for each in Appointment.objects.all()}
    assert (names, link.status()) == ({"Ada", "Ben"}, "booked")


@pytest.mark.usefixtures("clock", "db")
def test_in_a_range_practice_the_place_is_reserved_and_the_office_sets_the_time() -> None:
    house = House(Kind.RANGE)
    house.rule(promise_en="by noon the next business day")
    link = offered(house)
    assert "Wednesday, June 3, 2026, Morning, before 10:00 AM" in link.reads()
    text = said(link.press("/accept"))
    assert "Your place is reserved" in text
    assert "by noon the next business day" in text


def test_it_says_what_the_family_waits_for(house: House) -> None:
    entry = join(
        house.practice,
        people=2,
        location_ids=[house.location.pk],
        doctor_ids=[house.doctor.pk],
        weekdays=["mon", "fri"],
        parts=["morning"],
        earliest=NOON.date(),
        latest=NOON.date() + timedelta(days=30),
    )
    text = Link(entry).reads()
    assert "we e-mail you and hold it for you for a few hours" in text
    for each in (
        "People 2",
        f"Where {house.location.name}",
        f"With {house.doctor.name}",
        "Days of the week Monday, Friday",
        "Time of day Morning, before 10:00 AM",
        "Not before Monday, June 1, 2026",
        "Not after Wednesday, July 1, 2026",
        "On the list since Monday, June 1, 2026",
        "On the list until Sunday, August 30, 2026",
    ):
        assert each in text
    assert "Días de la semana Lunes, viernes" in Link(entry, "/es").reads()


def test_a_family_without_e_mail_is_called(house: House) -> None:
    link = Link(join(house.practice, email="", phone="212 555 0111"))
    assert "the office will call you" in link.reads()


def test_an_offer_that_the_office_took_back_is_gone(house: House) -> None:
    link = offered(house)
    found = offer(link.entry)
    assert found is not None
    offers.end(offer_id=found.pk, outcome=OfferOutcome.WITHDRAWN, by=CLOCK, now=NOON)
    assert "June 3, 2026, 9:00 AM, is no longer available" in link.reads()


@pytest.mark.parametrize("is_over", [True, False])
def test_who_is_off_the_list_is_told_what_to_do(house: House, clock: Any, is_over: bool) -> None:
    opening = house.opening()
    link = Link(join(house.practice, earliest=NOON.date() + timedelta(days=60)))
    if is_over:
        clock.move_to(NOON + timedelta(days=90))
        assert "Your time on the waiting list is over" in link.reads()
    else:
        wanted: Any = {"first_name": "Ada", "last_name": "Byron", "email": "ada@family.example"}
        clock.shift(60)
        book(opening, **wanted)
        assert "A visit is booked for you." in link.reads()
        assert link.status() == "booked"


def test_a_visit_that_was_cancelled_since_is_not_called_booked(house: House) -> None:
    link = offered(house)
    link.press("/accept")
    appointments.cancel(appointment_id=Appointment.objects.get().pk, by=PATIENT, now=NOON)
    assert "Your visit is booked" not in link.reads()


def test_a_link_that_is_nobodys_says_so(house: House) -> None:
    for token in ("A" * 27, "cut"):
        for page in ("", "/leave"):
            answer = Client().post(f"/waiting/{token}{page}", ONE_CLICK)
            assert answer.status_code == 404
            assert "This link is incomplete" in said(answer)


def test_a_practice_that_has_left_asks_for_a_call(house: House) -> None:
    link = offered(house)
    Practice.objects.update(active=False)
    answer = link.client.get(link.address)
    assert answer.status_code == 404
    assert "Call the office about the waiting list" in said(answer)


def test_who_was_asked_by_hand_while_paused_can_take_it(house: House) -> None:
    opening = house.opening()
    entry = join(house.practice)
    entries.pause(entry_id=entry.pk, by=house.actor, now=NOON)
    offers.make(entry_id=entry.pk, booking_ids=[opening.pk], by=house.actor, now=NOON)
    assert "Your visit is booked" in said(Link(entry).press("/accept"))


def test_what_the_desk_booked_on_the_phone_is_shown_as_booked(house: House) -> None:
    opening = house.opening()
    entry = join(house.practice, latest=NOON.date())
    answers.book(entry_id=entry.pk, booking_ids=[opening.pk], by=house.actor, now=NOON)
    assert "A visit is booked for you." in Link(entry).reads()


def test_whose_visit_was_cancelled_is_not_told_that_it_is_booked(house: House) -> None:
    link = offered(house)
    link.press("/accept")
    (visit,) = Appointment.objects.filter(status="booked")
    appointments.cancel(appointment_id=visit.pk, by=PATIENT, now=NOON)
    text = link.reads()
    assert "A visit is booked" not in text
    assert "You are not being offered times any more" in text
    assert "See the free times" in text
