"""The WSGI application, for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openchair.settings")
# Requests get the database's time-outs (settings.py); gunicorn.py says so too, as it comes first.
os.environ.setdefault("SERVING", "on")

application = get_wsgi_application()

from bookings.patients import rotation  # noqa: E402  # models are there only now
from openchair.database import failures  # noqa: E402  # models are there only now

try:
    rotation.refuse_if_keys_are_missing()
except failures.ERRORS:
    # It is away, or not set up: told to whoever asks, and what cannot be read is a 503.
    pass
finally:
    connections.close_all()
