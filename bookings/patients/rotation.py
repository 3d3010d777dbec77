"""Sealing patients with the key that encrypts now: what was in clear, and what older keys sealed.

A few rows at a time, while the server runs: a row that somebody else changed meanwhile is left to
the next look. May be stopped at any point, and run again.
"""

from collections.abc import Iterator
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from bookings.patients import record
from bookings.patients.record import PATIENT_FIELDS
from openchair import encryption

AT_ONCE = 100
CLEAR = [f"clear_{name}" for name in PATIENT_FIELDS]
_IN_CLEAR = ~Q(**dict.fromkeys(CLEAR, ""))


def stale() -> Q:
    """Select appointments whose patient is in clear, or sealed by a key that is not the first."""
    sealed_before = Q(patient__isnull=False) & ~Q(patient_key=encryption.key_names()[0])
    return _IN_CLEAR | sealed_before


def seal_anew(places: QuerySet[Any]) -> Iterator[int]:
    """Seal what is stale, batch by batch; give how many each batch sealed.

    places: appointments, of the model as it is or as a migration knows it.
    Raises sealing.UnreadableError where the key that sealed one is not there.
    """
    after = ""
    while rows := list(places.filter(stale(), pk__gt=after).order_by("pk")[:AT_ONCE]):
        after = rows[-1].pk
        # Each in a transaction of its own: a change of several patients locks them in any order.
        yield sum(_sealed(places, row) for row in rows)


def _sealed(places: QuerySet[Any], row: Any) -> int:
    clear = [(name, getattr(row, f"clear_{name}")) for name in PATIENT_FIELDS]
    person = record.overlaid(record.read(row.patient), clear)
    changed = {**record.kept(person), **dict.fromkeys(CLEAR, "")}
    return _as_it_was(places, row).update(**changed)


def _as_it_was(places: QuerySet[Any], row: Any) -> QuerySet[Any]:
    """Select a row if nobody has changed its patient since it was read."""
    clear = {name: getattr(row, name) for name in CLEAR}
    if row.patient is None:
        return places.filter(pk=row.pk, patient__isnull=True, **clear)
    return places.filter(pk=row.pk, patient=row.patient, **clear)


def unseal(places: QuerySet[Any]) -> None:
    """Write patients in clear again, for a release that knows nothing of sealing."""
    nobody = record.kept(record.NOBODY)
    while rows := list(places.filter(patient__isnull=False)[:AT_ONCE]):
        with transaction.atomic():
            for row in rows:
                person = record.read(row.patient)
                clear = {f"clear_{name}": value for name, value in person._asdict().items()}
                said = {name: getattr(row, name) for name in CLEAR if getattr(row, name)}
                _as_it_was(places, row).update(**nobody, **{**clear, **said})
