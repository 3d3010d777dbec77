"""What the examples of openapi.json are filled with: ids that this installation has.

Only the demo's ids are shown, for anybody may read the docs. Elsewhere a word says what to write.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bookings import demo
from bookings.demo import examples
from bookings.demo.examples import Examples
from openchair.database import failures

WORDS = {
    "rtGB2": "PRACTICE_ID",
    "b2rGH": "LOCATION_ID",
    "DD3456": "DOCTOR_ID",
    "2f4Dr": "BOOKING_ID",
    "7hK2s": "OTHER_BOOKING_ID",
    "Xk29fLq0aZ": "APPOINTMENT_ID",
    "wE4nTr7yQ2": "ENTRY_ID",
    "wH7qLm2x9K": "WEBHOOK_ID",
    "dV3pR8sT0c": "DELIVERY_ID",
}
"""By the ids in openapi.json."""
_LONG_AGO = "2026-01-01T00:00Z"
_NTH_OPENING = {"take_place": 1, "take_places": 2, "delete_booking": 4}
_NTH_VISIT = {"cancel_appointment": 1}
_NTH_ENTRY = {"leave_waitlist": 1}
"""Operations after which the others could not use the same one."""


def of_the_demo(now: datetime) -> Examples | None:
    """Return ids of the demo; None where there is none, or the database is away."""
    try:
        return examples.find(now)
    except failures.ERRORS:
        return None


def names(operation_id: str, found: Examples | None, now: datetime) -> dict[str, str]:
    """Return what to write in an operation's examples, by what is there in openapi.json.

    found: of the demo.
    """
    written = {**WORDS, _LONG_AGO: f"{now:%Y-%m-%d}T00:00Z"}
    if found is None:
        return written
    openings = found.openings[_NTH_OPENING.get(operation_id, 0) :][:2]
    # The others go on with the first webhook, which has deliveries. The newest may be the reader's.
    nth = 1 if operation_id == "delete_webhook" else 0
    webhooks = found.webhooks[nth : nth + 1]
    visits = found.visits[_NTH_VISIT.get(operation_id, 0) :][:1]
    entries = found.entries[_NTH_ENTRY.get(operation_id, 0) :][:1]
    for known in ("rtGB2", "b2rGH", "DD3456"):
        del written[known]  # the demo has it
    written |= dict(zip(("2f4Dr", "7hK2s"), openings, strict=False))
    written |= dict(zip(("wE4nTr7yQ2",), entries, strict=False))
    written |= dict(zip(("wH7qLm2x9K",), webhooks, strict=False))
    written |= dict(zip(("dV3pR8sT0c",), found.deliveries, strict=False))
    return written | dict(zip(("Xk29fLq0aZ",), visits, strict=False))


def location() -> str:
    """Return a location's id for the first calls."""
    known = "b2rGH"
    try:
        return known if demo.exists() else WORDS[known]
    except failures.ERRORS:
        return WORDS[known]


def filled(example: Any, names: Mapping[str, str]) -> Any:
    """Return a value of an example with its texts replaced."""
    if isinstance(example, dict):
        return {name: filled(value, names) for name, value in example.items()}
    if isinstance(example, list):
        return [filled(each, names) for each in example]
    return names.get(example, example) if isinstance(example, str) else example
