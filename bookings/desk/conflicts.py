"""Optimistic locking for the desk: refuse a change if the row changed after the page was rendered.

When two people act on the same page, the second gets a message about the first one's change, and
nothing is changed.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from bookings.desk import labels
from bookings.models import Appointment, Booking, Event
from openchair.errors import Refused


def version(booking: Booking) -> str:
    """Return the id of a booking's last event (or an empty string), which every change replaces."""
    last = booking.events.order_by("-id").values_list("pk", flat=True).first()
    return str(last or "")


def as_seen(
    seen: str, state_of: Callable[[Any], str] = attrgetter("status")
) -> Callable[[Booking | Appointment], None]:
    """Return a `check` for a verb: that the row is still in the state the page was rendered with.

    state_of: its status, or the `version` of a booking. The check raises Refused (changed).
    """

    def check(row: Booking | Appointment) -> None:
        if state_of(row) != seen:
            events = row.events.select_related(
                "user", "api_key__partner", "booking__location", "appointment"
            )
            raise _changed(events.order_by("id").last())

    return check


def _changed(last: Event | None) -> Refused:
    """Return the refusal, with what was changed meanwhile, when, and the name of the person."""
    if last is None:
        return Refused("changed", "The time of this hold has run out. Nothing was changed.")
    zone = last.booking.location.zone
    if last.appointment is None:
        became = labels.STATUS[last.to_status].lower()
        subject = "This opening"
    else:
        became = labels.APPOINTMENT_STATUS[last.to_status].lower()
        subject = f"The place of {labels.patient(last.appointment)}"
        if last.appointment.start_datetime is not None:
            became += f" for {labels.moment_at(last.appointment.start_datetime, zone)}"
    when = labels.moment_at(last.at, zone)
    return Refused(
        "changed",
        f"{subject} was changed while you looked: {labels.who(last)} made it “{became}” ({when}). "
        "Nothing of yours was changed; look again below.",
    )
