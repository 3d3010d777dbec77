"""What is looked at before anything is served."""

from django.db import connections

from bookings.patients import rotation
from openchair.database import failures


def refuse_if_keys_are_missing() -> None:
    """Raise ImproperlyConfigured where patients' data is there that could not be read."""
    try:
        rotation.refuse_if_keys_are_missing()
    except failures.ERRORS:
        # It is away, or not set up: told to whoever asks, and what cannot be read is a 503.
        pass
    finally:
        connections.close_all()
