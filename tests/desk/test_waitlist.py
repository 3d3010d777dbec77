"""The waiting list at the desk: the list, offers, whom to call, who fits what is free, joining."""

import re
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from bookings.models import Access, Appointment, WaitlistEntry
from bookings.scheduling import appointments
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.waitlist import entries
from tests.desk.world import House, browser, forms, said
from tests.factories import NOON
from tests.waitlist.families import held, join, look, offer

HOUR = timedelta(hours=1)
TUESDAY = {"latest": date(2026, 6, 2)}
"""Until the one opening that is not of the weekly ones."""


@pytest.fixture(autouse=True)
def mail(settings: Any) -> None:
    """Have a mail server, so that families with an address are told by mail."""
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example"}


def listed(desk: Client, house: House) -> str:
    return said(desk.get(house.address("waiting-list/")))


def at(day: int, hour: int) -> datetime:
    return datetime(2026, 6, day, hour)  # noqa: DTZ001  # wall time


def press(desk: Client, house: House, path: str, **sent: Any) -> str:
    """Send a form of the waiting list, and return the text of the page on which it ends."""
    answer = desk.post(house.address(f"waiting-list/{path}"), sent, follow=True)
    assert answer.status_code == 200
    return said(answer)


def answer(desk: Client, house: House, entry: WaitlistEntry, do: str) -> str:
    found = offer(entry)
    assert found is not None
    return press(desk, house, f"offer/{found.pk}/", do=do)


def pause(entry: WaitlistEntry) -> None:
    entries.pause(entry_id=entry.pk, by=PATIENT, now=NOON)


def test_the_list_is_in_its_order_and_says_why(house: House, desk: Client) -> None:
    join(house.practice, "Ada", earliest=at(10, 9).date(), parts=["morning", "late_morning"])
    second = join(house.practice, "Ben", by=house.actor, latest=at(1, 9).date(), people=2)
    press(desk, house, f"family/{second.pk}/act/", do="put_first")
    text = listed(desk, house)
    assert "Who waits (2)" in text
    ben, ada = text.index("Ben Byron with 1 other"), text.index("Ada Byron")
    assert ben < ada
    assert "Until Mon, Jun 1, 2026 2 people side by side Put first by Quillonina, Mon" in text[ben:]
    assert "added by Quillon Partner" in text[ben:ada]
    assert (
        "Morning or late morning, from Wed, Jun 10, 2026 2nd in line, by when they joined"
        in text[ada:]
    )
    assert "Since Mon, Jun 1, 2026, 12:00 PM, online" in text[ada:]
    press(desk, house, f"family/{second.pk}/act/", do="put_back")
    text = listed(desk, house)
    assert text.index("Ada Byron") < text.index("Ben Byron")


def test_what_is_offered_is_shown_with_its_end_and_taken_for_the_family(
    house: House, desk: Client
) -> None:
    entry = join(house.practice, "Ada", phone="555 555 0100")
    text = listed(desk, house)
    (place,) = held(entry)
    assert "Offered now" in text
    assert "Tue, Jun 2, 2026, 9:00 AM" in text
    assert "Held until 4:00 PM E-mail not sent yet" in text
    done = answer(desk, house, entry, "take")
    assert "The visit is booked, and the family is off the list. The family gets an e-mail" in done
    place.refresh_from_db()
    entry.refresh_from_db()
    assert (place.status, entry.status) == ("booked", "booked")


def test_a_declined_place_goes_to_the_next_and_a_withdrawn_one_too(
    house: House, desk: Client
) -> None:
    house.patient(house.booking, first_name="Bo")
    names = ("Ada", "Ben", "Cleo")
    ada, ben, cleo = [join(house.practice, each, **TUESDAY) for each in names]
    look(house.practice)
    assert "The family declined" in answer(desk, house, ada, "decline")
    assert "The offer is withdrawn" in answer(desk, house, ben, "withdraw")
    assert [len(held(each)) for each in (ada, ben, cleo)] == [0, 0, 1]
    text = listed(desk, house)
    assert text.index("Offers so far: 1 declined") < text.index("Offers so far: 1 withdrawn")


def test_of_two_at_the_desk_the_second_hears_that_the_offer_has_ended(
    house: House, desk: Client
) -> None:
    entry = join(house.practice, "Ada", **TUESDAY)
    look(house.practice)
    found = offer(entry)
    assert found is not None
    answer(desk, house, entry, "decline")
    assert "has ended already" in press(desk, house, f"offer/{found.pk}/", do="withdraw")
    assert entry.offers.get().outcome == "declined"


def test_who_has_no_address_is_to_be_called(house: House, desk: Client) -> None:
    join(house.practice, "Ada", email="", phone="555 555 0123")
    text = listed(desk, house)
    assert "Waiting list 1 to call" in text
    assert "Call now" in text
    assert "Offered now" not in text
    assert "555 555 0123" in text
    assert "1 place offered from the waiting list: call." in said(desk.get(house.address("hub/")))


def test_without_a_mail_server_all_are_to_be_called(
    house: House, desk: Client, settings: Any
) -> None:
    settings.EMAIL_URL = {}
    join(house.practice, "Ada")
    assert "Waiting list 1 to call" in listed(desk, house)


def test_of_a_near_place_the_list_says_whom_to_call_and_books_it(
    house: House, clock: Traveller
) -> None:
    clock.move_to(NOON + 18 * HOUR)  # 6:00 AM, three hours before the opening
    desk = browser(house.staff)
    house.patient(house.booking, first_name="Zoe")
    join(house.practice, "Ada", parts=["late_afternoon"])
    entry = join(house.practice, "Ben", phone="555 555 0123", **TUESDAY)
    look(house.practice, NOON + 18 * HOUR)
    assert offer(entry) is None
    page = desk.get(house.address("waiting-list/"))
    text = said(page)
    near = text[text.index("Call now") : text.index("Who waits")]
    assert "Tue, Jun 2, 2026, 9:00 AM" in near
    assert "in 3 h 0 min" in near
    assert "Ben Byron 555 555 0123" in near
    assert "Ada" not in near
    assert "call about 1 place" in said(desk.get(house.address("board/")))
    (sent,) = forms(page, f"{entry.pk}/give/")
    done = press(desk, house, f"family/{entry.pk}/give/", do="book", to=sent["to"])
    assert "The visit is booked" in done
    visit = Appointment.objects.get(
        booking=house.booking, status="booked", email_digest=entry.email_digest
    )
    assert visit.person.first_name == "Ben"
    assert visit.events.get().user == house.staff


def test_every_page_counts_near_places_without_reading_whom_none_of_them_suits(
    house: House, clock: Traveller
) -> None:
    clock.move_to(NOON + 18 * HOUR)
    desk = browser(house.staff)
    board = house.address("board/")
    for number in range(51):  # more than are read at a time, and with no place beside it
        join(house.practice, f"Ada{number}", people=4, parts=["late_afternoon"], **TUESDAY)
    look(house.practice, NOON + 18 * HOUR)
    with CaptureQueriesContext(connection) as captured:
        assert "call about" not in said(desk.get(board))
    assert not [each for each in captured if '"bookings_waitlistentry"."patient"' in each["sql"]]
    WaitlistEntry.objects.update(parts=[])
    assert "call about" not in said(desk.get(board))
    join(house.practice, "Ben", **TUESDAY)
    assert "call about 1 place" in said(desk.get(board))


def test_a_pause_says_why_and_resuming_ends_it(house: House, desk: Client) -> None:
    entry = join(house.practice, "Ada")
    assert "offered nothing" in press(desk, house, f"family/{entry.pk}/act/", do="pause")
    assert "Paused by Quillonina, Mon, Jun 1, 2026, 12:00 PM" in listed(desk, house)
    press(desk, house, f"family/{entry.pk}/act/", do="resume")
    WaitlistEntry.objects.filter(pk=entry.pk).update(status="paused")
    entry.events.filter(act="paused").update(actor="clock", user=None)
    assert "Paused: 2 offers in a row were not answered" in listed(desk, house)


def test_who_is_taken_off_the_list_is_not_on_it_and_its_history_stays(
    house: House, desk: Client
) -> None:
    entry = join(house.practice, "Ada")
    look(house.practice)
    press(desk, house, f"family/{entry.pk}/act/", do="take_off")
    assert "Nobody waits" in listed(desk, house)
    text = said(desk.get(house.address(f"waiting-list/family/{entry.pk}/")))
    assert "Quillonina Left the list" in text
    assert "Automatic Offered Tue, Jun 2, 2026, 9:00 AM, Dr. Quillonson · Quillon Square" in text
    assert "Declined, Mon, Jun 1, 2026, 12:00 PM" in text


def test_a_time_is_offered_by_hand_also_one_that_does_not_fit(house: House, desk: Client) -> None:
    entry = join(house.practice, "Ada", parts=["late_afternoon"])
    path = f"waiting-list/family/{entry.pk}/"
    page = desk.get(house.address(path))
    text = said(page)
    assert "Does not fit Tue, Jun 2, 2026, 9:00 AM" in text
    assert "wants another time of day" in text
    assert " Fits " not in text
    sent = forms(page, "give/")[0]
    assert "held for the family. The family gets an e-mail" in press(
        desk, house, f"family/{entry.pk}/give/", do="offer", to=sent["to"]
    )
    found = offer(entry)
    assert found is not None
    assert (found.booking, found.made_by) == (house.booking, house.staff)
    again = press(desk, house, f"family/{entry.pk}/give/", do="offer", to=sent["to"])
    assert "has an offer already" in again


@pytest.mark.parametrize("sent", [{"to": []}, {"to": ["nowhere"]}, {"to": ["\0"]}, {"do": "burn"}])
def test_nothing_is_offered_that_is_not_there(
    sent: dict[str, Any], house: House, desk: Client
) -> None:
    entry = join(house.practice, "Ada", parts=["late_afternoon"])
    body = {"do": "offer", "to": [house.booking.pk], **sent}
    path = house.address(f"waiting-list/family/{entry.pk}/give/")
    assert desk.post(path, body).status_code == 404
    assert desk.post(house.address(f"waiting-list/family/{entry.pk}/act/")).status_code == 404
    assert not entry.offers.exists()


def test_of_each_free_place_it_is_said_who_fits_or_why_nobody(house: House, desk: Client) -> None:
    join(house.practice, "Ada", weekdays=["fri"])
    join(house.practice, "Ben", weekdays=["fri"])
    join(house.practice, "Cleo", people=4, **TUESDAY)
    pause(join(house.practice, "Dan"))
    text = said(desk.get(house.address("waiting-list/free/?first=2026-06-02")))
    tuesday = text[text.index("Tuesday, June 2") : text.index("Wednesday, June 3")]
    assert "Fits Dan Byron , who is paused" in tuesday
    assert "2 want another day of the week, 1 is paused, 1 needs more places side by" in tuesday
    assert "4 families wait. Whoever is first" in text


def test_side_by_side_a_place_fits_whichever_of_them_it_is(house: House, desk: Client) -> None:
    for number in (1, 2):
        start = at(8, 9) + timedelta(minutes=30 * number)
        house.publish(str(number), start=start, length=30, total_appointments=1)
    entry = join(house.practice, "Ada", people=2, earliest=at(8, 9).date(), latest=at(8, 9).date())
    pause(entry)
    text = said(desk.get(house.address("waiting-list/free/?first=2026-06-08")))
    assert text.split("Monday, June 8, 2026", 1)[1].count("Fits Ada Byron with 1 other") == 2


FAMILY = {
    "first_name": "Ada",
    "last_name": "Byron",
    "phone": "212 555 0123",
    "people": "1",
    "language": "es",
}


def add(desk: Client, house: House, query: str = "", **sent: Any) -> Any:
    body = {**FAMILY, **sent}
    return desk.post(house.address(f"waiting-list/add/{query}"), body, follow=True)


def test_a_family_on_the_phone_is_put_on_the_list(house: House, desk: Client) -> None:
    done = add(
        desk,
        house,
        people="3",
        other_1="Ben Byron",
        weekdays=["mon", "tue"],
        parts=["morning"],
        latest="2026-07-31",
        note="Prefers Dr. Q",
    )
    text = said(done)
    assert "The family is on the waiting list. The family gets no e-mail: tell them." in text
    assert "Ada Byron with Ben and 1 more" in text
    assert "Mon or Tue, morning, until Fri, Jul 31, 2026 · 3 people side by side" in text
    assert "Prefers Spanish" in text
    assert "added by Quillonina" in text
    entry = WaitlistEntry.objects.get()
    assert (entry.language, entry.joined_by, entry.person.note) == ("es", "staff", "Prefers Dr. Q")
    again = add(desk, house)
    assert again.status_code == 400
    assert "This family is on the waiting list already." in said(again)
    assert f"waiting-list/family/{entry.pk}/" in again.content.decode()
    assert WaitlistEntry.objects.count() == 1


def test_whoever_is_named_counts_also_where_the_number_is_left_as_it_is(
    house: House, desk: Client
) -> None:
    done = said(add(desk, house, other_2="Cleo Byron"))
    assert "3 people side by side" in done
    assert "Cleo" in done


def test_mistakes_are_said_and_nobody_is_put_on_the_list(house: House, desk: Client) -> None:
    wrong = add(desk, house, phone="12", earliest="2026-07-01", latest="2026-06-01")
    assert wrong.status_code == 400
    assert "is not a phone number" in said(wrong)
    wrong = add(desk, house, earliest="2026-07-01", latest="2026-06-01")
    assert "The last day is before the first." in said(wrong)
    assert not WaitlistEntry.objects.exists()


def test_what_a_caller_asked_for_is_carried_over(house: House, desk: Client) -> None:
    asked = "people=2&part=morning&first=2026-06-20"
    page = desk.get(house.address(f"next-free/?{asked}")).content.decode()
    (link,) = re.findall(r'href="([^"]*waiting-list/add/[^"]*)"', page)
    form = desk.get(link.replace("&amp;", "&")).content.decode()
    assert 'value="2" selected' in form
    assert re.search(r'value="morning"[^>]* checked', form)
    assert 'value="2026-06-20"' in form


def test_a_visit_waits_for_an_earlier_time_with_its_family(
    house: House, desk: Client, clock: Traveller
) -> None:
    later = house.publish("Z", start=at(20, 9))
    mine = house.patient(later, first_name="Ada")
    other = house.patient(later, first_name="Ben")
    Appointment.objects.filter(pk__in=[mine.pk, other.pk]).update(group_id="family")
    early = house.publish("E", start=at(10, 9), total_appointments=2)
    taken = [house.patient(early, first_name=name) for name in ("Yan", "Zoe")]
    page = desk.get(house.address(f"place/{mine.pk}/"))
    assert f"waiting-list/add/?visit={mine.pk}" in page.content.decode()
    text = said(add(desk, house, f"?visit={mine.pk}", parts=["morning"]))
    assert "Ada Quillonfield with Ben" in text
    assert text.count("Wants an earlier time than Sat, Jun 20, 2026, 9:00 AM") == 2
    entry = WaitlistEntry.objects.get()
    assert {*entry.visits.all()} == {mine, other}
    assert "waiting list for an earlier time" in said(desk.get(house.address(f"place/{mine.pk}/")))
    clock.shift(3600)
    desk = browser(house.staff)
    for each in taken:
        appointments.cancel(appointment_id=each.pk, by=house.actor, now=NOON + HOUR)
    text = listed(desk, house)
    assert "Wed, Jun 10, 2026, 9:00 AM" in text
    answer(desk, house, entry, "take")
    assert {*early.appointments.filter(status="booked")} == {mine, other}


def test_a_visit_that_is_not_to_come_does_not_wait(house: House, desk: Client) -> None:
    appointments.cancel(appointment_id=house.appointment.pk, by=house.actor, now=NOON)
    page = house.address(f"waiting-list/add/?visit={house.appointment.pk}")
    assert desk.get(page).status_code == 404


def test_the_board_and_the_opening_say_that_a_place_is_offered(house: House, desk: Client) -> None:
    entry = join(house.practice, "Ada")
    board = said(desk.get(house.address("board/?day=2026-06-02")))
    assert "Ada Byron (offered until 4:00 PM)" in board or "Offered until 4:00 PM" in board
    opening = desk.get(house.address(f"opening/{house.booking.pk}/"))
    text = said(opening)
    assert "Ada Byron Offered" in text
    assert "Offered from the waiting list, held until 4:00 PM" in text
    assert "Automatic Ada Byron: offered from the waiting list" in text
    assert f"waiting-list/family/{entry.pk}/" in opening.content.decode()
    assert "Book Ada Byron" not in text


def test_in_a_range_practice_a_taken_place_goes_to_the_requests(
    range_house: House, range_desk: Client
) -> None:
    entry = join(range_house.practice, "Ada", latest=at(2, 9).date())
    assert "Tue, Jun 2, 2026, morning" in listed(range_desk, range_house)
    done = answer(range_desk, range_house, entry, "take")
    assert "Its visit is under Requests: give it a time." in done
    assert "Ada Byron" in said(range_desk.get(range_house.address("ranges/")))


def test_who_is_shown_is_written_down(house: House, desk: Client) -> None:
    entry = join(house.practice, "Ada", parts=["late_afternoon"])
    listed(desk, house)
    last = Access.objects.exclude(entries=None).latest("pk")
    assert (last.user, last.entries) == (house.staff, [entry.pk])


def test_the_list_takes_as_many_queries_however_long_it_is(house: House, desk: Client) -> None:
    def count(page: str) -> int:
        desk.get(house.address(page))
        with CaptureQueriesContext(connection) as asked:
            desk.get(house.address(page))
        return len(asked)

    pages = ("waiting-list/", "waiting-list/free/")
    join(house.practice, "Ada", parts=["late_afternoon"])
    join(house.practice, "Bo")
    before = [count(page) for page in pages]
    for number in range(12):
        join(house.practice, f"Ada{number}", parts=["late_afternoon"])
    house.publish("M", start=at(2, 11))
    look(house.practice)
    assert [count(page) for page in pages] == before


def test_another_practice_s_list_is_not_there(house: House, desk: Client) -> None:
    entry = join(house.practice, "Ada")
    look(house.practice)
    found = offer(entry)
    assert found is not None
    other = House("Zyxwvut")
    staff = browser(other.staff)
    for path in (f"family/{entry.pk}/", "family/nowhere/"):
        assert staff.get(other.address(f"waiting-list/{path}")).status_code == 404
    for path in (f"family/{entry.pk}/act/", f"family/{entry.pk}/give/", f"offer/{found.pk}/"):
        sent = {"do": "take", "to": other.booking.pk}
        assert staff.post(other.address(f"waiting-list/{path}"), sent).status_code == 404
    entry.refresh_from_db()
    assert (entry.status, entry.events.count(), len(held(entry))) == ("waiting", 1, 1)
