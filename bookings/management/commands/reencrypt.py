"""manage.py reencrypt: rotate keys, encrypting patients' data with the first of PATIENT_KEYS."""

from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from bookings.messages.webhooks import endpoints
from bookings.patients.rotation import AT_ONCE, is_done, missing_keys, seal_anew
from openchair import encryption
from openchair.api.idempotency import KEPT_FOR
from openchair.api.models import KeptAnswer
from openchair.staff import second_factor

MOST_LOOKS = 5
"""How often to query again for rows that were changed meanwhile."""


class Command(BaseCommand):
    """Encrypt with the first key, so that the others can be removed from PATIENT_KEYS."""

    help = (
        "Encrypt patients' data, and secrets of second factors and webhooks, with the first key "
        "of PATIENT_KEYS: what other keys encrypted, and what cannot be found by name yet, from "
        "before there was a search. In small batches while "
        "the server runs; it may be stopped and run again. When it ends well, no other key is "
        "needed any longer."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        names = missing_keys()
        if names:
            raise CommandError(
                f"PATIENT_KEYS lacks the keys named {', '.join(sorted(names))}: add them first."
            )
        sealed = 0
        for _ in range(MOST_LOOKS):
            sealed += sum(seal_anew()) + _answers_sealed()
            sealed += second_factor.seal_anew() + endpoints.seal_anew()
            if is_done():
                break
        else:
            raise CommandError("Rows changed all the time: run this again.")
        first = encryption.key_names()[0]
        self.stdout.write(f"{sealed} encrypted anew; all is under the key named {first}.")


def _answers_sealed() -> int:
    """Encrypt the answers stored for retries; delete those past KEPT_FOR. Return how many."""
    KeptAnswer.objects.filter(kept_at__lte=timezone.now() - KEPT_FOR).delete()
    first, sealed, after = encryption.key_names()[0], 0, 0
    stale = KeptAnswer.objects.exclude(sealed_by=first).order_by("pk")
    while rows := list(stale.filter(pk__gt=after)[:AT_ONCE]):
        after = rows[-1].pk
        for kept in rows:
            told = encryption.unseal(kept.sealed)
            row = KeptAnswer.objects.filter(pk=kept.pk, kept_at=kept.kept_at)
            sealed += row.update(sealed=encryption.seal(told), sealed_by=first)
    return sealed
