"""Startup check: whether PATIENT_KEYS has every key that the database needs."""

from django.db import connections

from bookings.patients import rotation
from openchair.database import failures


def refuse_if_keys_are_missing() -> None:
    """Raise ImproperlyConfigured if there is patients' data that PATIENT_KEYS cannot decrypt."""
    try:
        rotation.refuse_if_keys_are_missing()
    except failures.ERRORS:
        # It is down, or not set up: requests and /readyz report that, and unreadable data is a 503.
        pass
    finally:
        connections.close_all()
