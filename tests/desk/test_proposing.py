"""Proposing times on the desk: the page, the clash guard, withdrawing, the history."""

import html
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.models import Appointment, Proposal, ProposalOutcome
from bookings.scheduling import proposals
from bookings.scheduling.actors import PATIENT, Actor
from tests.bookings.requests import at, free, wall
from tests.desk.test_clashes import assign, ticks
from tests.desk.world import House, browser, said
from tests.factories import NOON

# The practice is in New York: it is Monday noon, and the request is for Tuesday morning.


def page_of(house: House, visit: Appointment | None = None) -> str:
    return house.address(f"ranges/{(visit or house.appointment).pk}/propose/")


def offered(page: Any) -> dict[str, str]:
    """Return the suggested times, and what their checkboxes send."""
    found = re.findall(
        r'<input type="checkbox" name="free" value="([^"]+)"[^>]*>([^<]+)', page.text
    )
    return {label.strip(): html.unescape(value) for value, label in found}


def propose(desk: Client, house: House, **sent: Any) -> Any:
    return desk.post(page_of(house), sent, follow=True)


def propose_nine(house: House) -> Proposal:
    """Propose Tuesday, 9 AM, in the request's own opening."""
    by = Actor.of_staff(house.staff)
    return proposals.propose(
        appointment_id=house.appointment.pk, choices=[at(house.booking)], by=by, now=NOON
    )


def test_free_times_near_what_was_asked_are_suggested(
    range_house: House, range_desk: Client
) -> None:
    range_house.publish("N", start=wall(3, 9))
    page = range_desk.get(page_of(range_house))
    assert "Asked for: Tue, Jun 2, 2026, morning , Dr. Rosalvason, Rosalva Square" in said(page)
    assert [*offered(page)] == [
        f"{when} · Dr. Rosalvason · Rosalva Square"
        for when in (
            *(f"Tue, Jun 2, 2026, 9:{minute} AM" for minute in ("00", "15", "30")),
            *(f"Wed, Jun 3, 2026, 9:{minute} AM" for minute in ("00", "15")),
            *(f"Wed, Jun 3, 2026, 2:{minute} PM" for minute in ("00", "15")),
            *(f"Wed, Jun 10, 2026, 2:{minute} PM" for minute in ("00", "15")),
        )
    ]


def test_what_is_ticked_and_typed_is_proposed_and_said_on_requests(
    range_house: House, range_desk: Client
) -> None:
    other = range_house.publish("N", start=wall(4, 9))
    (first, *_) = offered(range_desk.get(page_of(range_house))).values()
    done = said(propose(range_desk, range_house, free=first, first="2026-06-04T09:20"))
    assert "Proposed, and on hold until Mon, Jun 1, 2026, 4:00 PM." in done
    told = (
        "Proposed, on hold until Mon, Jun 1, 2026, 4:00 PM: Tue, Jun 2, 2026, 9:00 AM, "
        "Dr. Rosalvason, Rosalva Square; Thu, Jun 4, 2026, 9:20 AM, Dr. Rosalvason, Rosalva Square"
    )
    assert told in done
    assert "Withdraw" in done
    assert "Propose…" not in done
    assert free(other) == 2


@pytest.mark.parametrize(
    ("sent", "text"),
    [
        ({}, "Choose at least one time."),
        ({"first": "2026-06-02T09:20", "second": "2026-06-02T09:20"}, "are the same"),
        ({"first": "2026-06-01T14:30"}, "There is no opening with a free place at this time."),
        ({"first": "2026-06-05T09:00"}, "There is no opening with a free place at this time."),
        ({"first": "2026-05-02T09:00"}, "There is no opening with a free place at this time."),
        ({"first": "soon"}, "Enter a date and a time."),
        ({"free": "x"}, "One of these times is not free any more. Choose another."),
    ],
)
def test_what_cannot_be_proposed_is_said(
    range_house: House, range_desk: Client, sent: dict[str, str], text: str
) -> None:
    refused = propose(range_desk, range_house, **sent)
    assert refused.status_code == 400
    assert text in said(refused)
    assert not Proposal.objects.exists()


def test_more_than_three_are_too_many(range_house: House, range_desk: Client) -> None:
    ticked = [*offered(range_desk.get(page_of(range_house))).values()][:3]
    refused = propose(range_desk, range_house, free=ticked, first="2026-06-02T09:40")
    assert "Choose up to 3 times." in said(refused)


def test_of_a_time_that_is_too_near_the_family_is_to_be_called(
    range_house: House, range_desk: Client, clock: Traveller
) -> None:
    clock.move_to(at(range_house.booking).exact - timedelta(hours=3))
    desk = browser(range_house.staff)
    refused = said(propose(desk, range_house, first="2026-06-02T09:30"))
    assert "too near for an answer by link. Call the family." in refused


def test_within_the_day_asked_for_it_can_be_any_time(
    range_house: House, range_desk: Client
) -> None:
    propose(range_desk, range_house, first="2026-06-02T16:20")
    time = Proposal.objects.get().times.get()
    assert (time.booking, time.held) == (range_house.booking, None)


def test_a_proposed_time_is_kept_from_other_patients_until_it_ends(
    range_house: House, range_desk: Client, clock: Traveller
) -> None:
    other = range_house.patient(range_house.booking, first_name="Other")
    propose_nine(range_house)
    page = range_desk.get(range_house.address("ranges/"))
    row = page.text.partition(f'id="place-{other.pk}"')[2].partition("</li>")[0]
    assert re.findall(r'value="2026-06-02T([\d:]+)"><', row) == []  # an hour from nine on
    asked = assign(range_desk, range_house, other, "09:15")
    assert asked.status_code == 409
    assert "Rosalvaette Rosalvafield (proposed)" in said(asked)
    clock.shift(timedelta(hours=4))
    desk = browser(range_house.staff)
    assert "is booked for" in said(assign(desk, range_house, other, "09:15"))


def test_a_time_that_another_patient_has_is_proposed_only_if_ticked(
    range_house: House, range_desk: Client
) -> None:
    other = range_house.patient(range_house.booking, first_name="Other")
    assign(range_desk, range_house, other, "09:15")
    asked = propose(range_desk, range_house, first="2026-06-02T09:30")
    assert asked.status_code == 409
    assert "9:15 AM, 60 min, Rosalva Square: Other Rosalvafield" in said(asked)
    assert 'value="2026-06-02T09:30"' in asked.text
    assert not Proposal.objects.exists()
    done = propose(range_desk, range_house, first="2026-06-02T09:30", **ticks(asked))
    assert "Proposed, and on hold" in said(done)


def test_staff_book_one_of_the_familys_own_proposed_times_unasked(
    range_house: House, range_desk: Client
) -> None:
    proposal = propose_nine(range_house)
    done = assign(range_desk, range_house, range_house.appointment, "09:00")
    assert "is booked for" in said(done)
    proposal.refresh_from_db()
    assert proposal.outcome == "withdrawn"


def test_withdrawn_times_are_free_again(range_house: House, range_desk: Client) -> None:
    other = range_house.publish("N", start=wall(4, 9))
    propose(range_desk, range_house, first="2026-06-04T09:20")
    withdraw = range_house.address(f"ranges/{range_house.appointment.pk}/withdraw/")
    done = said(range_desk.post(withdraw, follow=True))
    assert "The times are withdrawn." in done
    assert "Withdrawn, Mon, Jun 1, 2026, 12:00 PM" in done
    assert free(other) == 3
    again = said(range_desk.post(withdraw, follow=True))
    assert "These times are not proposed any more." in again


def test_what_the_family_answered_is_on_requests_and_in_the_history(
    range_house: House, range_desk: Client, clock: Traveller
) -> None:
    first = propose_nine(range_house)
    proposals.end(proposal=first, outcome=ProposalOutcome.OTHERS, by=PATIENT, now=NOON)
    requests = said(range_desk.get(range_house.address("ranges/")))
    assert "Asked for other times, Mon, Jun 1, 2026, 12:00 PM" in requests
    propose_nine(range_house)
    clock.shift(timedelta(hours=4))
    desk = browser(range_house.staff)
    requests = said(desk.get(range_house.address("ranges/")))
    assert "Did not answer, Mon, Jun 1, 2026, 4:00 PM" in requests
    history = said(desk.get(range_house.address(f"place/{range_house.appointment.pk}/")))
    name = "Rosalvaette Rosalvafield"
    for each in (
        f"Rosalvaina {name}: times proposed, on hold until Mon, Jun 1, 2026, 4:00 PM",
        "Tue, Jun 2, 2026, 9:00 AM, Dr. Rosalvason, Rosalva Square",
        f"Patient {name}: asked for other times (proposed times)",
        f"Automatic {name}: did not answer (proposed times)",
    ):
        assert each in history


def test_a_request_that_a_colleague_dealt_with_leads_back(
    range_house: House, range_desk: Client
) -> None:
    assign(range_desk, range_house, range_house.appointment, "09:00")
    assert range_desk.get(page_of(range_house)).headers["Location"] == range_house.address(
        "ranges/"
    )


@pytest.mark.parametrize("do", ["booked", "reserved"])
def test_a_place_that_is_held_for_a_request_is_not_booked_beside_it(
    range_house: House, range_desk: Client, do: str
) -> None:
    opening, request = range_house.publish("N", start=wall(3, 9)), range_house.appointment
    by = Actor.of_staff(range_house.staff)
    made = proposals.propose(appointment_id=request.pk, choices=[at(opening)], by=by, now=NOON)
    place = made.times.get().held
    assert place is not None
    page = range_desk.get(range_house.address(f"opening/{opening.pk}/"))
    assert "Proposed as another time, held until" in said(page)
    assert f'/ranges/#place-{request.pk}"' in page.text
    assert f"/place/{place.pk}/act/" not in page.text
    sent = {"do": do, "seen": "pending", "start": "2026-06-03T11:00", "outside": "on"}
    answer = range_desk.post(range_house.address(f"place/{place.pk}/act/"), sent, follow=True)
    assert "give the request its time" in said(answer)
    place.refresh_from_db()
    assert place.status == "pending"
