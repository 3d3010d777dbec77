"""Exact times proposed for a request: held, taken, answered otherwise, overtaken, late."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from time_machine import Traveller

from bookings.models import (
    Appointment,
    Event,
    Proposal,
    ProposalOutcome,
    ProposedTime,
    Task,
    TaskKind,
)
from bookings.scheduling import appointments, bookings, moving, proposals
from bookings.scheduling.actors import PATIENT, Actor
from openchair.errors import Refused
from tests.bookings.requests import Office, at, free
from tests.conftest import together
from tests.factories import NOON

UNTIL = NOON + timedelta(hours=4)
"""Four hours of daylight from 11 AM on."""


@pytest.fixture
def office(db: None, clock: Any) -> Office:
    return Office()


def take(proposal: Proposal, nth: int = 0, **values: Any) -> Appointment:
    time = proposal.times.select_related("booking", "proposal")[nth]
    return proposals.take(time=time, by=PATIENT, now=NOON, **values)


def end(proposal: Proposal, outcome: ProposalOutcome, by: Actor = PATIENT) -> None:
    proposals.end(proposal=proposal, outcome=outcome, by=by, now=NOON)


def settle(office: Office, after: timedelta = timedelta()) -> None:
    proposals.settle(practice_id=office.practice.pk, now=NOON + after)


def outcome(proposal: Proposal) -> str | None:
    proposal.refresh_from_db()
    return proposal.outcome


def test_a_place_is_held_in_each_other_opening_and_none_more_in_its_own(office: Office) -> None:
    request, other = office.request(), office.opening(3, 9, total_appointments=2)
    proposal = office.propose(request, at(office.morning, 15), at(other), at(other, 30))
    assert proposal.until == UNTIL
    assert (free(office.morning), free(other)) == (0, 1)
    (held,) = Appointment.objects.filter(status="pending")
    assert (held.booking_id, held.pending_until, held.partner) == (other.pk, UNTIL, None)
    assert held.person.first_name == "Ada"
    events = Event.objects.filter(appointment=held)
    assert {(each.actor, each.user_id) for each in events} == {("staff", office.staff.user_id)}
    assert Task.objects.filter(kind=TaskKind.PROPOSAL, appointment=request).count() == 1


def test_it_ends_on_the_second_without_a_worker(office: Office, clock: Traveller) -> None:
    other = office.opening(3, 9)
    proposal = office.propose(office.request(), at(other))
    clock.move_to(UNTIL - timedelta(milliseconds=1))
    bookings.catch_up(practice_id=office.practice.pk, now=UNTIL - timedelta(milliseconds=1))
    settle(office, timedelta(hours=4, milliseconds=-1))
    assert (free(other), outcome(proposal)) == (0, None)
    clock.move_to(UNTIL)
    bookings.catch_up(practice_id=office.practice.pk, now=UNTIL)
    settle(office, timedelta(hours=4))
    assert (free(other), outcome(proposal)) == (1, "unanswered")
    assert proposal.answered_at == UNTIL


def test_it_ends_two_hours_before_an_opening_begins(office: Office) -> None:
    near = office.opening(1, 16)
    proposal = office.propose(office.request(), at(near, 30), at(office.opening(3, 9)))
    # A quarter of the five hours until the opening takes nobody any more.
    assert proposal.until == NOON + timedelta(hours=1, minutes=15)


@pytest.mark.parametrize("nth", [0, 1])
def test_taking_one_books_it_and_gives_the_others_back_in_one_act(office: Office, nth: int) -> None:
    request, wednesday, thursday = office.request(), office.opening(3, 9), office.opening(4, 9)
    proposal = office.propose(request, at(office.morning, 15), at(wednesday, 30), at(thursday))
    taken = take(proposal, nth)
    assert (taken.pk, taken.status) == (request.pk, "booked")
    chosen = (office.morning, wednesday)[nth]
    assert (taken.booking_id, taken.start_datetime) == at(chosen, (15, 30)[nth])
    assert [free(each) for each in (office.morning, wednesday, thursday)] == [nth, 1 - nth, 1]
    assert outcome(proposal) == "taken"
    assert request.tasks.latest("id").kind == TaskKind.TIME_GIVEN
    with pytest.raises(Refused, match="not proposed any more"):
        take(proposal, 2)


def test_asking_for_others_keeps_the_request_and_frees_the_places(office: Office) -> None:
    request, other = office.request(), office.opening(3, 9)
    proposal = office.propose(request, at(other))
    end(proposal, ProposalOutcome.OTHERS)
    assert (outcome(proposal), free(other)) == ("others", 1)
    request.refresh_from_db()
    assert request.status == "reserved"
    again = office.propose(request, at(other, 15))
    assert take(again).status == "booked"


def test_giving_up_cancels_the_request_in_the_same_act(office: Office) -> None:
    request, other = office.request(), office.opening(3, 9)
    proposal = office.propose(request, at(other))
    end(proposal, ProposalOutcome.GAVE_UP)
    request.refresh_from_db()
    assert (request.status, outcome(proposal)) == ("cancelled", "gave_up")
    assert (free(office.morning), free(other)) == (1, 1)
    assert request.tasks.latest("id").kind == TaskKind.CANCELLED


def test_what_is_withdrawn_cannot_be_taken(office: Office) -> None:
    other = office.opening(3, 9)
    proposal = office.propose(office.request(), at(other))
    end(proposal, ProposalOutcome.WITHDRAWN, office.staff)
    assert (outcome(proposal), free(other)) == ("withdrawn", 1)
    assert proposal.answered_by_id == office.staff.user_id
    with pytest.raises(Refused, match="not proposed any more"):
        take(proposal)


def full(office: Office) -> Any:
    other = office.opening(3, 9)
    office.request(other)
    return at(other)


@pytest.mark.parametrize(
    ("choice", "reason"),
    [
        (lambda office: at(office.opening(1, 14)), "too_near"),
        (full, "place_taken"),
    ],
)
def test_all_are_held_or_none(office: Office, choice: Callable[[Office], Any], reason: str) -> None:
    request, good = office.request(), office.opening(4, 9)
    bad = choice(office)
    with pytest.raises(Refused) as refused:
        office.propose(request, at(good), bad)
    assert refused.value.reason == reason
    assert free(good) == 1
    assert not Proposal.objects.exists()


def test_only_a_request_without_live_times_gets_some(office: Office) -> None:
    request, other = office.request(), office.opening(3, 9, total_appointments=3)
    office.propose(request, at(other))
    with pytest.raises(Refused, match="already proposed"):
        office.propose(request, at(other, 15))
    office.give(request, at(office.morning).exact)
    with pytest.raises(Refused, match="needs no time"):
        office.propose(request, at(other, 15))
    assert (free(other), Proposal.objects.count()) == (2, 1)


def test_after_its_end_new_times_are_proposed_and_only_those_can_be_taken(
    office: Office, clock: Traveller
) -> None:
    request, other = office.request(), office.opening(3, 9, total_appointments=2)
    first = office.propose(request, at(other))
    clock.move_to(UNTIL)
    second = office.propose(request, at(other, 15))
    assert (outcome(first), outcome(second)) == ("unanswered", None)
    with pytest.raises(Refused, match="not proposed any more"):
        take(first)
    assert take(second).start_datetime == at(other, 15).exact


def test_late_it_is_a_plain_claim(office: Office, clock: Traveller) -> None:
    other = office.opening(3, 9)
    proposal = office.propose(office.request(), at(other, 15))
    clock.move_to(UNTIL)
    settle(office, timedelta(hours=4))
    assert take(proposal).start_datetime == at(other, 15).exact
    assert outcome(proposal) == "taken"


def test_late_a_place_or_a_time_may_be_gone_and_nothing_is_lost(
    office: Office, clock: Traveller
) -> None:
    request, full, busy = office.request(), office.opening(3, 9), office.opening(4, 9)
    later = office.opening(4, 12)
    proposal = office.propose(request, at(full), at(busy, 30))
    clock.move_to(UNTIL)
    office.request(full)
    office.give(office.request(later), at(busy, 45).exact)
    for nth, reason in enumerate(("place_taken", "time_taken")):
        with pytest.raises(Refused) as refused:
            take(proposal, nth)
        assert refused.value.reason == reason
    assert proposals.to_choose(proposal, UNTIL) == []
    request.refresh_from_db()
    assert (request.status, request.booking_id) == ("reserved", office.morning.pk)
    assert outcome(proposal) is None


def cancelled(office: Office, request: Appointment) -> None:
    appointments.cancel(appointment_id=request.pk, by=office.actor, now=NOON)


def given(office: Office, request: Appointment) -> None:
    office.give(request, at(office.morning).exact)


def moved(office: Office, request: Appointment) -> None:
    to: Any = {request.pk: {"booking_id": office.opening(5, 9).pk}}
    moving.move(to=to, by=office.staff, now=NOON)


@pytest.mark.parametrize("overtake", [cancelled, given, moved])
def test_what_is_overtaken_gives_its_places_back_and_cannot_be_taken(
    office: Office, overtake: Callable[[Office, Appointment], None]
) -> None:
    request, other = office.request(), office.opening(3, 9)
    proposal = office.propose(request, at(other))
    overtake(office, request)
    with pytest.raises(Refused, match="not proposed any more"):
        take(proposal)
    settle(office)
    assert (free(other), outcome(proposal)) == (1, "withdrawn")
    assert proposal.answered_by is None
    (released,) = Event.objects.filter(appointment__booking=other, to_status="cancelled")
    assert released.actor == "clock"


def test_a_held_place_that_staff_gave_away_is_claimed_if_one_is_free(office: Office) -> None:
    request, other = office.request(), office.opening(3, 9, total_appointments=1)
    proposal = office.propose(request, at(other))
    (held,) = Appointment.objects.filter(status="pending")
    appointments.cancel(appointment_id=held.pk, by=office.staff, now=NOON)
    assert take(proposal).booking_id == other.pk


@pytest.mark.parametrize(
    "columns",
    [
        {"outcome": "taken"},
        {"answered_at": NOON},
        {"outcome": "perhaps", "answered_at": NOON},
        {"until": NOON},
    ],
    ids=repr,
)
def test_the_database_refuses_a_proposal_that_cannot_be(
    office: Office, columns: dict[str, Any]
) -> None:
    proposal = office.propose(office.request(), at(office.morning))
    with pytest.raises(IntegrityError), transaction.atomic():
        Proposal.objects.filter(pk=proposal.pk).update(**columns)


def test_the_database_refuses_two_live_ones_and_one_time_twice(office: Office) -> None:
    proposal = office.propose(office.request(), at(office.morning))
    time = proposal.times.get()
    for row in (time, proposal):
        row.pk = None
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save(force_insert=True)
    assert ProposedTime.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_families_at_once_one_has_the_doctors_time(clock: Traveller) -> None:
    office = Office()
    openings = [office.opening(3, 9) for _ in range(2)]
    made = [office.propose(office.request(office.opening(2, 9)), at(each, 15)) for each in openings]
    clock.move_to(UNTIL)
    waiting = iter(made)
    answers = together(2, lambda: take(next(waiting)))
    assert sorted(type(each).__name__ for each in answers) == ["Appointment", "Refused"]
    bookings.catch_up(practice_id=office.practice.pk, now=UNTIL)
    assert sorted(free(each) for each in openings) == [0, 1]
    assert Appointment.objects.filter(status="reserved").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_two_desks_at_once_one_proposes_and_one_place_is_held(clock: Traveller) -> None:
    office = Office()
    request = office.request()
    openings = iter([office.opening(3, 9), office.opening(4, 9)])
    clock.move_to(NOON)
    answers = together(2, lambda: office.propose(request, at(next(openings))))
    assert sorted(type(each).__name__ for each in answers) == ["Proposal", "Refused"]
    assert Appointment.objects.filter(status="pending").count() == 1


@pytest.mark.django_db(transaction=True)
def test_of_taking_and_withdrawing_at_once_one_is_done(clock: Traveller) -> None:
    office = Office()
    other = office.opening(3, 9)
    proposal = office.propose(office.request(), at(other))
    acts = iter(
        [lambda: take(proposal), lambda: end(proposal, ProposalOutcome.WITHDRAWN, office.staff)]
    )

    def act() -> Any:
        return next(acts)()

    answers = together(2, act)
    assert sum(isinstance(each, Refused) for each in answers) == 1
    is_taken = outcome(proposal) == "taken"
    assert free(other) == (0 if is_taken else 1)
    assert Appointment.objects.filter(status="booked").count() == int(is_taken)
    assert not Appointment.objects.filter(status="pending").exists()
