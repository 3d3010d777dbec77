"""What was proposed for requests, in words: which times, until when, and what became of it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import QuerySet

from bookings.desk import labels
from bookings.models import Appointment, AppointmentStatus, Proposal, ProposalOutcome, ProposedTime


@dataclass(frozen=True)
class Proposed:
    """The last proposal of a request. until: empty once it has ended; became: how, until then."""

    times: list[str]
    until: str = ""
    became: str = ""


def last_of(requests: Iterable[Appointment], now: datetime) -> dict[str, Proposed]:
    """Return what was last proposed for each request, if anything, by its id."""
    rows = to(each.pk for each in requests)
    return {each.appointment_id: _of(each, now) for each in rows}


def to(request_ids: Iterable[str | None]) -> QuerySet[Proposal]:
    """Return all that was proposed for these requests, the oldest first, with its times."""
    rows = Proposal.objects.filter(appointment__in=[*request_ids]).order_by("pk")
    related = rows.select_related("appointment__booking__location", "made_by", "answered_by")
    return related.prefetch_related("times__booking__location", "times__booking__doctor")


def holding(places: Iterable[Appointment]) -> dict[str, str]:
    """Return the requests for which places are held until they are answered, by the place's id.

    No query where no hold can be one: it is of a range practice, and its staff took it.
    """
    ids = [
        each.pk
        for each in places
        if each.status == AppointmentStatus.PENDING
        and each.group_id is None
        and each.partner_id is None
        and each.booking.practice.range_bookings
    ]
    if not ids:
        return {}
    held = ProposedTime.objects.filter(held__in=ids, proposal__answered_at__isnull=True)
    return dict(held.values_list("held", "proposal__appointment"))


def _of(proposal: Proposal, now: datetime) -> Proposed:
    zone = proposal.appointment.booking.location.zone
    if proposal.is_live(now):
        return Proposed(times(proposal), until=labels.dated(proposal.until, zone))
    ended = proposal.answered_at or proposal.until
    outcome = ProposalOutcome(proposal.outcome or ProposalOutcome.UNANSWERED)
    return Proposed(times(proposal), became=f"{outcome.label}, {labels.dated(ended, zone)}")


def times(proposal: Proposal) -> list[str]:
    """Format its times: Wed, Jun 3, 2026, 9:15 AM, Dr. Reyes, Chesterfield."""
    return [
        f"{labels.dated(each.start_datetime, each.booking.location.zone)}, "
        f"{each.booking.doctor.name}, {each.booking.location.name}"
        for each in proposal.times.all()
    ]
