"""Key rotation: re-encrypt patients' data that an older key encrypted with the first key.

The secrets of second factors have the same keys (openchair/staff/second_factor.py), and those of
webhooks (bookings/messages/webhooks/endpoints.py).

The terms that they are found by are made anew with it, and made where there are none yet.

Works in small batches while the server runs: a row that changed since it was read is left to the
next run. Can be stopped at any point and run again.
"""

from collections.abc import Iterator

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from bookings.models import Appointment, Booking, SearchTerm, WaitlistEntry, Webhook
from bookings.patients import record, terms
from openchair import encryption
from openchair.api.models import KeptAnswer
from openchair.database import writes
from openchair.staff.models import SecondFactor

AT_ONCE = 100


def stale() -> Q:
    """Filter appointments to those that a key other than the first encrypted, or without terms."""
    has_terms = Exists(SearchTerm.objects.filter(appointment=OuterRef("pk")))
    done = Q(has_terms, patient_key=encryption.key_names()[0])
    return Q(~done, patient__isnull=False)


def _stale_entries() -> QuerySet[WaitlistEntry]:
    """Query entries of waiting lists that a key other than the first encrypted."""
    return WaitlistEntry.objects.exclude(sealed_by__in=["", encryption.key_names()[0]])


def is_done() -> bool:
    """Whether `seal_anew` has nothing to do."""
    return not (Appointment.objects.filter(stale()).exists() or _stale_entries().exists())


def seal_anew() -> Iterator[int]:
    """Re-encrypt what is stale; yield how many of each batch were.

    Raises encryption.UnreadableError where PATIENT_KEYS lacks the key of one.
    """
    after, rows = "", Appointment.objects.filter(stale()).select_related("booking").order_by("pk")
    while batch := list(rows.filter(pk__gt=after)[:AT_ONCE]):
        after = batch[-1].pk
        # A transaction for each row: a change of several patients locks them in any order.
        yield sum(_sealed(row) for row in batch)
    after, entries = "", _stale_entries().order_by("pk")
    while found := list(entries.filter(pk__gt=after)[:AT_ONCE]):
        after = found[-1].pk
        yield sum(_sealed_entry(entry) for entry in found)


def _sealed(row: Appointment) -> int:
    """Re-encrypt one row unless its patient changed since it was read; return 1 or 0."""
    with transaction.atomic():
        # As every change of a patient does: two that write the same terms would leave both.
        Booking.objects.select_for_update().get(pk=row.booking_id)
        as_it_was = Appointment.objects.filter(pk=row.pk, patient=row.patient)
        done = as_it_was.update(**record.kept(row.unread_person))
        if done:
            writes.run(**terms.saving([], [row]))
        return done


def _sealed_entry(entry: WaitlistEntry) -> int:
    """Re-encrypt one entry unless it changed since it was read; return 1 or 0."""
    as_it_was = WaitlistEntry.objects.filter(
        pk=entry.pk, patient=entry.patient, others=entry.others
    )
    entry.seal(entry.unread_person, record.read_names(entry.others or None))
    return as_it_was.update(**{name: getattr(entry, name) for name in WaitlistEntry.SEALED})


def missing_keys() -> set[str]:
    """Return the names of keys that encrypted stored data and are not in PATIENT_KEYS."""
    used = set(KeptAnswer.objects.values_list("sealed_by", flat=True).distinct())
    used |= set(WaitlistEntry.objects.values_list("sealed_by", flat=True).distinct())
    used |= set(Webhook.objects.values_list("sealed_by", flat=True).distinct())
    used |= set(SecondFactor.objects.values_list("sealed_by", flat=True).distinct())
    after: str | None = ""
    # A loose index scan: one query for each name, however many patients there are.
    names = Appointment.objects.order_by("patient_key").values_list("patient_key", flat=True)
    while after is not None:
        used.add(after)
        after = names.filter(patient_key__gt=after).first()
    return used - {"", *encryption.key_names()}


def refuse_if_keys_are_missing() -> None:
    """Raise ImproperlyConfigured if the database has data that cannot be decrypted."""
    names = missing_keys()
    if names:
        raise ImproperlyConfigured(
            "The database holds data that PATIENT_KEYS cannot read: the keys named "
            f"{', '.join(sorted(names))} are missing. "
            f"Here are {', '.join(encryption.key_names())}. "
            "Put them behind the others; until then nothing is served, and nothing is lost."
        )
