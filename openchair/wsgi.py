"""The WSGI application, served by gunicorn."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openchair.settings")
# Requests have database time-outs (settings.py). gunicorn.py sets it too, because it runs first.
os.environ.setdefault("SERVING", "on")

application = get_wsgi_application()

from openchair.operations import startup  # noqa: E402  # needs the models

startup.refuse_if_keys_are_missing()
