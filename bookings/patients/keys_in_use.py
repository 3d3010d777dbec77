"""Whether every key that sealed something in the database is there: looked at before serving."""

from django.core.exceptions import ImproperlyConfigured

from bookings.models import Appointment
from openchair import encryption
from openchair.api.models import KeptAnswer


def missing() -> set[str]:
    """Name the keys that sealed something and are not in PATIENT_KEYS."""
    used = set(KeptAnswer.objects.values_list("sealed_by", flat=True).distinct())
    after: str | None = ""
    # From one name to the next along the index, however many patients there are.
    names = Appointment.objects.order_by("patient_key").values_list("patient_key", flat=True)
    while after is not None:
        used.add(after)
        after = names.filter(patient_key__gt=after).first()
    return used - {"", *encryption.key_names()}


def refuse_if_missing() -> None:
    """Raise ImproperlyConfigured where patients' data is there that could not be read."""
    names = missing()
    if names:
        raise ImproperlyConfigured(
            "The database holds patients' data that PATIENT_KEYS cannot read: the keys named "
            f"{', '.join(sorted(names))} are missing. "
            f"Here are {', '.join(encryption.key_names())}. "
            "Put them behind the others; until then nothing is served, and nothing is lost."
        )
