"""What places on hold are held for: an offer of the waiting list, or times that are proposed."""

from collections.abc import Iterable
from datetime import datetime

from bookings.desk import labels
from bookings.desk.waitlist import fitting
from bookings.models import Appointment, AppointmentStatus, ProposedTime


def statuses(appointments: Iterable[Appointment], now: datetime) -> dict[str, str]:
    """Return the status of each of these in words, by id; of a hold, what it is for."""
    listed = list(appointments)
    said = {each.pk: labels.APPOINTMENT_STATUS[each.status] for each in listed}
    offers = fitting.holding(listed)
    said |= {each.pk: "Offered" for each in listed if each.group_id in offers}
    return said | dict.fromkeys(proposed(listed, now), "Proposed")


def proposed(appointments: Iterable[Appointment], now: datetime) -> dict[str, str]:
    """Return the requests for which places are held while times are proposed, by their ids.

    No query where nobody has a hold.
    """
    holds = [
        each.pk
        for each in appointments
        # What patients hold by themselves, or are offered, has a group.
        if each.status == AppointmentStatus.PENDING and each.group_id is None
    ]
    if not holds:
        return {}
    # Those to come, for the index.
    rows = ProposedTime.objects.live(now).filter(start_datetime__gt=now, held__in=holds)
    return {str(pk): request for pk, request in rows.values_list("held", "proposal__appointment")}
