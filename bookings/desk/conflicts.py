"""Optimistic locking of the desk: what has changed since a page was shown is not changed again.

Two people look at one page. The second to act is told what the first did, and nothing changes.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from bookings.desk import labels
from bookings.models import Appointment, AppointmentStatus, Booking, Event, Status
from openchair.errors import Refused


def version(booking: Booking) -> str:
    """Tell a state of an opening from every other: the last thing that happened to it."""
    last = booking.events.order_by("-id").values_list("pk", flat=True).first()
    return str(last or "")


def as_seen(
    seen: str, state_of: Callable[[Any], str] = attrgetter("status")
) -> Callable[[Booking | Appointment], None]:
    """Make a verb's `check`: the row is still in the state that the page showed.

    state_of: its status, or the `version` of an opening. The check raises Refused (changed).
    """

    def check(row: Booking | Appointment) -> None:
        if state_of(row) != seen:
            events = row.events.select_related(
                "user", "api_key__partner", "booking__location", "appointment"
            )
            raise _changed(events.order_by("id").last())

    return check


def _changed(last: Event | None) -> Refused:
    """Say what happened meanwhile, by whom and when."""
    if last is None:
        return Refused("changed", "The time of this hold has run out. Nothing was changed.")
    zone = last.booking.location.zone
    if last.appointment is None:
        became = labels.STATUS[Status(last.to_status)].lower()
        subject = "This opening"
    else:
        became = labels.PLACE[AppointmentStatus(last.to_status)].lower()
        subject = f"The place of {labels.patient(last.appointment)}"
        if last.appointment.start_datetime is not None:
            became += f" for {labels.moment_at(last.appointment.start_datetime, zone)}"
    when = labels.moment_at(last.at, zone)
    return Refused(
        "changed",
        f"{subject} was changed while you looked: {labels.who(last)} made it “{became}” ({when}). "
        "Nothing of yours was changed; look again below.",
    )
