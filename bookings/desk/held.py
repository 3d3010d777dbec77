"""What places on hold are held for: an offer of the waiting list, or times that are proposed."""

from collections.abc import Iterable

from bookings.desk import labels, proposed
from bookings.desk.waitlist import fitting
from bookings.models import Appointment


def statuses(appointments: Iterable[Appointment]) -> dict[str, str]:
    """Return the status of each of these in words, by id; of a hold, what it is for."""
    listed = list(appointments)
    said = {each.pk: labels.APPOINTMENT_STATUS[each.status] for each in listed}
    offers = fitting.holding(listed)
    said |= {each.pk: "Offered" for each in listed if each.group_id in offers}
    return said | dict.fromkeys(proposed.holding(listed), "Proposed")
