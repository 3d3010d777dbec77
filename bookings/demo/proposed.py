"""The demo's counter-offer: times that the range practice proposes to one of who needs a time."""

from datetime import datetime, timedelta

from bookings import walltime
from bookings.demo import accounts
from bookings.demo.practices import GROUPS
from bookings.desk import free_times
from bookings.models import Appointment, Proposal, Task, TaskKind
from bookings.scheduling import availability, proposals
from bookings.scheduling.actors import Actor
from bookings.scheduling.availability import Criteria
from bookings.scheduling.proposals import Choice
from practices.models import Practice

_AHEAD = timedelta(days=2)


def fill(*, now: datetime) -> None:
    """Propose a time in each of two openings besides the request's, unless some were before."""
    practice = Practice.objects.get(pk=GROUPS["range"].id)
    if Proposal.objects.filter(appointment__booking__practice=practice).exists():
        return
    requests = Appointment.objects.waiting_for_time().filter(
        booking__practice=practice, booking__start_datetime__gt=now + _AHEAD
    )
    request = requests.order_by("booking__start_datetime", "pk").first()
    if request is None:
        return
    asked = request.booking.start_datetime
    assert asked is not None
    criteria = Criteria(
        people=1,
        location_ids=[each.pk for each in practice.locations.all()],
        doctor_ids=None,
        earliest=now + _AHEAD,
        latest=walltime.LATEST,
    )
    zone = request.booking.location.zone
    found = availability.nearest(practice, criteria, asked, zone=zone, limit=2)
    openings = [each.places[0] for each in found]
    busy = free_times.of_doctors({each.doctor_id for each in openings}, now)
    times = [free_times.free(each, busy[each.doctor_id], now, visit=request) for each in openings]
    choices = {
        at[0]: Choice(each.pk, at[0]) for each, at in zip(openings, times, strict=True) if at
    }
    if choices:
        by = Actor.of_staff(accounts.person("range"))
        proposals.propose(appointment_id=request.pk, choices=[*choices.values()], by=by, now=now)
        # Nobody is there to read it.
        Task.objects.filter(kind=TaskKind.PROPOSAL, appointment=request).delete()
