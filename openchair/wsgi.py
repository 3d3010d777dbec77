"""The WSGI application, for gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openchair.settings")
# Requests get the database's time-outs (settings.py); gunicorn.py says so too, as it comes first.
os.environ.setdefault("SERVING", "on")

application = get_wsgi_application()

from openchair.operations import startup  # noqa: E402  # models are there only now

startup.refuse_if_keys_are_missing()
