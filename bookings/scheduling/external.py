"""What a practice's own system says of an appointment: whether it is entered there (contract, 9).

Another time, place or doctor, and a cancellation, take it back: `LockedBooking`.
"""

from collections.abc import Mapping
from typing import Any

from django.core.exceptions import ValidationError

from bookings.models import Appointment, ExternalStatus
from bookings.scheduling.locked_booking import LockedBooking

FIELDS = ("external_id", "external_status", "external_reason")


def report(locked: LockedBooking, appointment: Appointment, fields: Mapping[str, Any]) -> None:
    """Note what fields say of these; the reason stays while it is failed.

    Raises ValidationError where failed has no reason, and where anything else has one.
    """
    if fields.keys().isdisjoint(FIELDS):
        return
    known = {name: getattr(appointment, name) for name in FIELDS}
    said = known | {name: fields[name] for name in FIELDS if name in fields}
    is_failed = said["external_status"] == ExternalStatus.FAILED
    if not is_failed and "external_reason" not in fields:
        said["external_reason"] = None
    if is_failed and said["external_reason"] is None:
        raise ValidationError({"external_reason": "Say why it could not be entered."})
    if not is_failed and said["external_reason"] is not None:
        raise ValidationError(
            {"external_reason": "Only failed has a reason: send null, or external_status failed."}
        )
    locked.revise(appointment, **said)
