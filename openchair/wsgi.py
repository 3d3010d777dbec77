"""What gunicorn runs."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.db import connections

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openchair.settings")

application = get_wsgi_application()
# Who waits for an answer is told soon that there will be none; commands have more time.
for database in connections.settings.values():
    database["OPTIONS"] |= settings.OPTIONS_WHILE_SERVING

from openchair import keys_in_use, outages  # noqa: E402  # models are there only now

try:
    keys_in_use.refuse_if_missing()
except outages.ERRORS:
    # It is away, or not set up: told to whoever asks, and what cannot be read is a 503.
    pass
finally:
    connections.close_all()
