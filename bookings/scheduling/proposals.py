"""Proposal services: exact times for a request that cannot be met, held until the patient answers.

A time in the request's own opening needs no further place; of each other opening one is held,
whatever the number of times in it. Whoever takes a time after the end makes a plain claim
(contract, section 8). What has ended, or was overtaken, is settled by whoever looks next.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from django.db.models import F, Q, QuerySet

from bookings import walltime
from bookings.models import (
    Appointment,
    AppointmentStatus,
    Booking,
    Proposal,
    ProposalOutcome,
    ProposedTime,
    Queue,
    Task,
    TaskKind,
)
from bookings.scheduling import appointments, exact_times, holds, moves, moving
from bookings.scheduling.actors import CLOCK, Actor
from bookings.scheduling.appointments import Check
from bookings.scheduling.locked_booking import LockedBooking
from openchair.errors import Refused

MOST = 3
"""Most times of one proposal."""
_NOTE = "On hold for a time that is proposed to this patient, who also has a request."
_UNANSWERED = (None, ProposalOutcome.UNANSWERED)
"""Outcomes of a proposal that can still be answered."""


class Choice(NamedTuple):
    """A time to propose, in UTC, in an opening of the request's practice."""

    booking_id: str
    exact: datetime


@moves.atomic_wherever_it_is
def propose(
    *, appointment_id: str, choices: Sequence[Choice], by: Actor, now: datetime
) -> Proposal:
    """Propose one to MOST different exact times for a request, and hold them: all or none.

    by: of the staff. They are held until the first of `holds.offer_ends`: for a time in another
    opening than the request's, of when that one begins, after which it takes nobody.
    Raises Refused (409: changed where it needs no time any more, proposed where times are held
    already, too_near, and as `appointments.take`), Appointment.DoesNotExist, Booking.DoesNotExist.
    """
    assert 1 <= len({each.exact for each in choices}) == len(choices) <= MOST
    assert by.user_id is not None
    own = moving.bookings_of([appointment_id])[appointment_id]
    elsewhere = {each.booking_id for each in choices} - {own}
    locked = moves.lock_all({own, *elsewhere}, by=by, now=now)
    request, now = locked[own].appointment(appointment_id), locked[own].now
    _check_waits(request)
    _settle_ended(request.proposals.all(), now)
    if request.proposals.filter(answered_at__isnull=True).exists():
        raise Refused("proposed", "Times are already proposed to this family. Withdraw them first.")
    until = min(_ends(locked[each.booking_id], each.exact, own, now) for each in choices)
    held = {each: _hold(locked[each], request, until) for each in sorted(elsewhere)}
    moves.save_all(locked.values())
    proposal = Proposal.objects.create(
        appointment=request, booking_id=own, made_by_id=by.user_id, made_at=now, until=until
    )
    ProposedTime.objects.bulk_create(
        ProposedTime(
            proposal=proposal,
            start_datetime=each.exact,
            booking_id=each.booking_id,
            held=held.get(each.booking_id),
        )
        for each in choices
    )
    if request.email_digest is not None:
        Task.objects.create(
            queue_name=Queue.MAIL,
            kind=TaskKind.PROPOSAL,
            appointment=request,
            run_after=now,
            enqueued_at=now,
        )
    return proposal


@moves.atomic_wherever_it_is
def take(
    *, time: ProposedTime, by: Actor, now: datetime, check: Check | None = None
) -> Appointment:
    """Give a request one of the times proposed to it, and its other places back, in one act.

    Late it is a plain claim: of a place that is still free, at a time that the doctor still has.
    Raises Refused (409: changed where the proposal is answered or overtaken, time_taken, and as
    `moving.move`), and what `check` raises.
    """
    proposal, (doctor_id,) = time.proposal, exact_times.lock_doctors(time.booking.doctor_id)

    def check_open(request: Appointment) -> None:
        if check is not None:
            check(request)
        _check_open(proposal, request)
        at = max(now, walltime.now())
        if not proposal.is_live(at) and not _is_free(time, doctor_id, but=request.pk):
            raise Refused("time_taken", "Somebody else has this time now: choose another.")

    to: moving.Destination = {
        "booking_id": time.booking_id,
        "status": AppointmentStatus.BOOKED,
        "start_datetime": time.start_datetime,
    }
    (taken,) = moving.move(
        to={proposal.appointment_id: to},
        by=by,
        now=now,
        check=check_open,
        gives_back=_held_for(proposal),
    )
    _note(proposal, ProposalOutcome.TAKEN, now, by)
    return taken


@moves.atomic_wherever_it_is
def end(
    *,
    proposal: Proposal,
    outcome: ProposalOutcome,
    by: Actor,
    now: datetime,
    check: Check | None = None,
) -> None:
    """End a proposal of which no time is taken, and give its places back.

    outcome: others, gave_up (which cancels the request in the same act) or withdrawn; withdrawn by
    the clock is what was overtaken.
    Raises Refused (409: changed where it is answered or overtaken), and what `check` raises.
    """
    was = moving.bookings_of([proposal.appointment_id])[proposal.appointment_id]
    held = moving.bookings_of(_held_for(proposal))
    locked = moves.lock_all({was, *held.values()}, by=by, now=now)
    request = locked[was].appointment(proposal.appointment_id)
    if check is not None:
        check(request)
    if by != CLOCK:
        _check_open(proposal, request)
    moving.give_back(locked, held)
    if outcome == ProposalOutcome.GAVE_UP:
        locked[was].move(request, AppointmentStatus.CANCELLED)
    moves.save_all(locked.values())
    _note(proposal, outcome, now, by)


def settle(*, practice_id: str, now: datetime) -> None:
    """Note what nobody has answered in time, and give back what is held for what was overtaken.

    Each has a transaction of its own, as in `bookings.catch_up`.
    """
    unsettled = Proposal.objects.filter(
        answered_at__isnull=True, appointment__booking__practice=practice_id
    )
    waits = Q(appointment__status=AppointmentStatus.RESERVED, appointment__booking=F("booking"))
    for proposal in list(unsettled.filter(~waits | Q(until__lte=now))):
        if proposal.is_live(now):
            end(proposal=proposal, outcome=ProposalOutcome.WITHDRAWN, by=CLOCK, now=now)
        else:
            _settle_ended(Proposal.objects.filter(pk=proposal.pk), now)


def can_answer(proposal: Proposal, request: Appointment) -> bool:
    """Whether a request, as it is, can still answer its last proposal, in time or late."""
    waits = request.status == AppointmentStatus.RESERVED
    return waits and request.booking_id == proposal.booking_id and proposal.outcome in _UNANSWERED


def to_choose(proposal: Proposal, now: datetime) -> list[ProposedTime]:
    """Return the times of a proposal that can be had: once it has ended, those still free."""
    related = proposal.times.select_related("booking__location", "booking__doctor")
    rows = list(related.filter(start_datetime__gt=now))
    if proposal.is_live(now):
        return rows
    return [
        each
        for each in rows
        if _has_place(each, proposal, now)
        and _is_free(each, each.booking.doctor_id, but=proposal.appointment_id)
    ]


def _has_place(time: ProposedTime, proposal: Proposal, now: datetime) -> bool:
    begins = time.booking.start_datetime
    is_open = begins is not None and begins > now and time.booking.free_places > 0
    return is_open or time.booking_id == proposal.booking_id


def _is_free(time: ProposedTime, doctor_id: str, *, but: str) -> bool:
    """Whether the doctor, who has not changed meanwhile, has nobody else at this time."""
    booking = Booking.objects.get(pk=time.booking_id)
    near = exact_times.near([time.start_datetime], booking.length)
    busy = exact_times.of_doctors([doctor_id], near, but=[but])
    overlapping = exact_times.overlapping(busy, time.start_datetime, booking.length)
    return booking.doctor_id == doctor_id and not overlapping


def _check_waits(request: Appointment) -> None:
    if request.status != AppointmentStatus.RESERVED:
        raise Refused("changed", "This request needs no time any more. Nothing was changed.")


def _check_open(proposal: Proposal, request: Appointment) -> None:
    """Raise Refused unless the request, which is locked, can still answer this proposal."""
    proposal.refresh_from_db(fields=["outcome", "until"])
    is_last = not request.proposals.filter(pk__gt=proposal.pk).exists()
    if not (is_last and can_answer(proposal, request)):
        raise Refused("changed", "These times are not proposed any more. Nothing was changed.")


def _ends(locked: LockedBooking, exact: datetime, own: str, now: datetime) -> datetime:
    """Return until when a time is held. Raises Refused."""
    booking, begins = locked.booking, exact
    if booking.pk != own:
        appointments.check_available(locked)
        assert booking.start_datetime is not None
        begins = min(exact, booking.start_datetime)
    until = holds.offer_ends(now, begins, booking.location.zone)
    if until is None:
        raise Refused(
            "too_near", "One of these times is too near for an answer by link. Call the family."
        )
    return until


def _hold(locked: LockedBooking, request: Appointment, until: datetime) -> Appointment:
    person = request.unread_person._replace(note=_NOTE, message="", words="")
    return locked.take(
        AppointmentStatus.PENDING, person, language=request.language, pending_until=until
    )


def _held_for(proposal: Proposal) -> list[str]:
    rows = proposal.times.filter(held__isnull=False).values_list("held", flat=True)
    return [*dict.fromkeys(rows)]


def _note(proposal: Proposal, outcome: ProposalOutcome, now: datetime, by: Actor) -> None:
    """Save what became of a proposal that nobody has answered yet, in time or late."""
    unanswered = Q(outcome__isnull=True) | Q(outcome=ProposalOutcome.UNANSWERED)
    rows = Proposal.objects.filter(unanswered, pk=proposal.pk)
    answered_at = max(now, walltime.now())
    rows.update(outcome=outcome, answered_at=answered_at, answered_by_id=by.user_id)


def _settle_ended(proposals: QuerySet[Proposal], now: datetime) -> None:
    ended = proposals.filter(answered_at__isnull=True, until__lte=now)
    ended.update(outcome=ProposalOutcome.UNANSWERED, answered_at=F("until"))
