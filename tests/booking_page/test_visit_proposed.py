"""The page of a request for which the office proposes times: taken, others asked for, given up."""

from datetime import timedelta
from typing import Any

import pytest
from time_machine import Traveller

from bookings.models import Appointment, Event, Proposal, ProposalOutcome
from bookings.scheduling import appointments, proposals
from bookings.scheduling.actors import PATIENT
from tests.booking_page.visits import Phone, seen
from tests.bookings.requests import Office, at, free
from tests.desk.world import said
from tests.factories import NOON

pytestmark = pytest.mark.django_db
WEDNESDAY = "Wednesday, June 3, 2026, 9:30 AM Dr. Reyes · Chesterfield"
HELD = "These times are on hold for you until Monday, June 1, 2026, 3:00 PM."


@pytest.fixture
def office(clock: Any, db: None) -> Office:
    return Office()


@pytest.fixture
def proposal(office: Office) -> Proposal:
    """Propose a time in the request's own opening, and one in another."""
    other = office.opening(3, 9)
    return office.propose(office.request(), at(office.morning, 15), at(other, 30))


@pytest.fixture
def phone(proposal: Proposal) -> Phone:
    return Phone(proposal.appointment)


def chosen(proposal: Proposal, nth: int = 1) -> dict[str, str]:
    return {"time": str(proposal.times.all()[nth].pk)}


def test_the_times_are_shown_until_when_and_what_was_asked_for(phone: Phone) -> None:
    text = phone.reads()
    for each in (
        "The office proposes other times",
        "Tuesday, June 2, 2026, 9:15 AM Dr. Reyes · Chesterfield",
        WEDNESDAY,
        HELD,
        "Take this time",
        "Ask for other times",
        "Give up the request",
        "What you asked for When Tuesday, June 2, 2026: Morning, before 10:00 AM",
    ):
        assert each in text
    assert "Cancel this visit" not in text
    assert "Your visit is booked" not in text


def test_in_spanish_it_is_all_in_spanish(proposal: Proposal) -> None:
    text = Phone(proposal.appointment, "/es").reads()
    for each in (
        "El consultorio le propone otras horas",
        "Miércoles 3 de junio de 2026, 9:30 a. m.",
        "Le apartamos estas horas hasta el lunes 1 de junio de 2026, 3:00 p. m.",
        "Aceptar esta hora",
        "Pedir otras horas",
        "Renunciar a la solicitud",
    ):
        assert each in text.replace("\N{NO-BREAK SPACE}", " ")


def test_one_is_taken_by_the_button(phone: Phone, proposal: Proposal) -> None:
    answer = phone.press("/take", seen_on="", **chosen(proposal))
    assert (answer.status_code, answer["Location"]) == (303, f"{phone.address}?taken=1")
    text = phone.reads(taken="1")
    assert "Your visit is booked. This is its time." in text
    assert "Wednesday, June 3, 2026, 9:30 AM Central Time" in text
    assert "Take this time" not in text
    booked = Event.objects.filter(appointment=phone.visit, to_status="booked")
    assert {each.actor for each in booked} == {"patient"}
    again = phone.press("/take", seen_on="", **chosen(proposal))
    assert (again.status_code, again["Location"]) == (303, phone.address)


def test_without_a_choice_the_page_asks_for_one(phone: Phone) -> None:
    answer = phone.press("/take", seen_on="")
    assert answer.status_code == 400
    assert "Error: Choose a time" in said(answer)
    assert phone.now().status == "reserved"


@pytest.mark.parametrize("time", ["0", "x", "²", "9" * 50, "\0"])
def test_a_time_that_is_not_proposed_changes_nothing(phone: Phone, time: str) -> None:
    answer = phone.press("/take", seen_on="", time=time)
    assert answer.status_code == 409
    assert "This time is no longer free. Nothing was changed." in said(answer)
    assert WEDNESDAY in said(answer)
    assert phone.now().status == "reserved"


def test_another_familys_time_cannot_be_taken(office: Office, phone: Phone) -> None:
    theirs = office.propose(office.request(office.opening(2, 9)), at(office.opening(4, 9)))
    answer = phone.press("/take", seen_on="", **chosen(theirs, 0))
    assert answer.status_code == 409
    assert {*Appointment.objects.values_list("status", flat=True)} == {"reserved", "pending"}


def test_others_are_asked_for_and_the_request_stays(
    phone: Phone, proposal: Proposal, office: Office
) -> None:
    other = proposal.times.all()[1].booking
    assert phone.press("/other-times", seen_on="").status_code == 303
    text = phone.reads()
    assert "You asked for other times." in text
    assert "Take this time" not in text
    assert "Cancel this visit" in text
    assert (phone.now().status, free(other)) == ("reserved", 1)
    office.propose(phone.visit, at(other))
    assert "You asked for other times." not in phone.reads()


def test_giving_up_asks_once_more_and_cancels(phone: Phone, proposal: Proposal) -> None:
    asked = said(phone.get("/give-up"))
    assert "Do you want to give up the request?" in asked
    assert phone.now().status == "reserved"
    assert phone.press("/give-up")["Location"] == f"{phone.address}?cancelled=1"
    assert phone.now().status == "cancelled"
    assert "This visit is cancelled" in phone.reads(cancelled="1")
    assert free(proposal.times.all()[1].booking) == 1


def test_opening_the_links_changes_nothing(phone: Phone, proposal: Proposal) -> None:
    for page in ("", "/take", "/other-times", "/give-up"):
        assert phone.get(page).status_code in {200, 303}
    proposal.refresh_from_db()
    assert (phone.now().status, proposal.outcome) == ("reserved", None)


@pytest.mark.parametrize("page", ["/take", "/other-times", "/give-up"])
def test_what_the_office_changed_meanwhile_is_shown_first(
    office: Office, phone: Phone, proposal: Proposal, page: str
) -> None:
    was = seen(phone.get().text)
    office.give(phone.visit, at(office.morning, 45).exact)
    appointments.cancel(appointment_id=phone.visit.pk, by=PATIENT, now=phone.visit.created_at)
    answer = phone.send(page, was, **chosen(proposal))
    assert answer.status_code in {303, 409}
    assert phone.now().status == "cancelled"


def test_late_a_time_is_still_taken_if_it_is_free(
    phone: Phone, proposal: Proposal, clock: Traveller
) -> None:
    clock.shift(timedelta(hours=4))
    text = phone.reads()
    assert "They were on hold for you until Monday, June 1, 2026, 3:00 PM." in text
    assert WEDNESDAY in text
    assert phone.press("/take", seen_on="", **chosen(proposal)).status_code == 303
    assert phone.now().start_datetime == proposal.times.all()[1].start_datetime


def test_late_only_what_can_be_had_is_offered(
    office: Office, phone: Phone, proposal: Proposal, clock: Traveller
) -> None:
    was, gone = seen(phone.get().text), chosen(proposal)
    clock.shift(timedelta(hours=4))
    office.request(proposal.times.all()[1].booking)
    text = phone.reads()
    assert WEDNESDAY not in text
    assert "Tuesday, June 2, 2026, 9:15 AM" in text
    answer = phone.send("/take", was, **gone)
    assert answer.status_code == 409
    assert "This time is no longer free. Nothing was changed." in said(answer)
    assert (phone.now().status, phone.now().booking_id) == ("reserved", office.morning.pk)


def test_a_request_whose_day_is_over_still_has_its_times(office: Office, clock: Traveller) -> None:
    request = office.request()
    clock.move_to(at(office.morning).exact + timedelta(days=1))
    office.propose(request, at(office.opening(5, 9)))
    text = Phone(request).reads()
    assert "Friday, June 5, 2026, 9:00 AM" in text
    assert "This visit is over" not in text
    assert "Book another visit" not in text


@pytest.mark.parametrize("page", ["/other-times", "/give-up"])
def test_an_old_page_answers_nothing_that_was_proposed_since(
    office: Office, proposal: Proposal, phone: Phone, page: str
) -> None:
    old = seen(phone.get("/give-up" if page == "/give-up" else "").text)
    proposals.end(proposal=proposal, outcome=ProposalOutcome.WITHDRAWN, by=office.staff, now=NOON)
    second = office.propose(proposal.appointment, at(office.opening(4, 9)))
    assert phone.send(page, old).status_code == 409
    second.refresh_from_db()
    assert (second.outcome, phone.now().status) == (None, "reserved")
