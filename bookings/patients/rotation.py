"""Sealing patients with the key that encrypts now, where an older key sealed them.

A few rows at a time, while the server runs: a row that somebody else changed meanwhile is left to
the next look. May be stopped at any point, and run again.
"""

from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured
from django.db.models import Q

from bookings.models import Appointment
from bookings.patients import record
from openchair import encryption
from openchair.api.models import KeptAnswer

AT_ONCE = 100


def stale() -> Q:
    """Select appointments whose patient is sealed by a key that is not the first."""
    return Q(patient__isnull=False) & ~Q(patient_key=encryption.key_names()[0])


def seal_anew() -> Iterator[int]:
    """Seal what is stale, batch by batch; give how many each batch sealed.

    Raises encryption.UnreadableError where the key that sealed one is not there.
    """
    after, rows = "", Appointment.objects.filter(stale()).order_by("pk")
    while batch := list(rows.filter(pk__gt=after)[:AT_ONCE]):
        after = batch[-1].pk
        # Each in a transaction of its own: a change of several patients locks them in any order.
        yield sum(_sealed(row) for row in batch)


def _sealed(row: Appointment) -> int:
    """Seal one if nobody has changed its patient since it was read; say whether that was so."""
    as_it_was = Appointment.objects.filter(pk=row.pk, patient=row.patient)
    return as_it_was.update(**record.kept(record.read(row.patient)))


def missing_keys() -> set[str]:
    """Name the keys that sealed something and are not in PATIENT_KEYS."""
    used = set(KeptAnswer.objects.values_list("sealed_by", flat=True).distinct())
    after: str | None = ""
    # From one name to the next along the index, however many patients there are.
    names = Appointment.objects.order_by("patient_key").values_list("patient_key", flat=True)
    while after is not None:
        used.add(after)
        after = names.filter(patient_key__gt=after).first()
    return used - {"", *encryption.key_names()}


def refuse_if_keys_are_missing() -> None:
    """Raise ImproperlyConfigured where patients' data is there that could not be read."""
    names = missing_keys()
    if names:
        raise ImproperlyConfigured(
            "The database holds patients' data that PATIENT_KEYS cannot read: the keys named "
            f"{', '.join(sorted(names))} are missing. "
            f"Here are {', '.join(encryption.key_names())}. "
            "Put them behind the others; until then nothing is served, and nothing is lost."
        )
