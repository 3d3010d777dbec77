"""Startup checks: PATIENT_KEYS has every key that the database needs; static files are there."""

from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from bookings.patients import rotation
from openchair.database import failures
from openchair.operations import static_files


def refuse_if_keys_are_missing() -> None:
    """Raise ImproperlyConfigured if there is patients' data that PATIENT_KEYS cannot decrypt."""
    try:
        rotation.refuse_if_keys_are_missing()
    except failures.ERRORS:
        # It is down, or not set up: requests and /readyz report that, and unreadable data is a 503.
        pass
    finally:
        connections.close_all()


def refuse_without_static_files() -> None:
    """Raise ImproperlyConfigured if a static file was not collected: its pages would be a 500."""
    if name := next(static_files.missing(), None):
        raise ImproperlyConfigured(
            f"The static file {name} was not collected: run manage.py collectstatic --noinput."
        )
