"""What gunicorn runs."""

import os

from django.conf import settings
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import connections, reset_queries

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openchair.settings")

application = get_wsgi_application()
# Who waits for an answer is told soon that there will be none; commands have more time.
for database in connections.settings.values():
    database["OPTIONS"] |= settings.OPTIONS_WHILE_SERVING

# After each request, to close caches that nobody has opened; before it, to forget statements that
# only DEBUG notes.
request_finished.disconnect(close_caches)
if not settings.DEBUG:
    request_started.disconnect(reset_queries)

from bookings.patients import rotation  # noqa: E402  # models are there only now
from openchair.database import failures  # noqa: E402  # models are there only now

try:
    rotation.refuse_if_keys_are_missing()
except failures.ERRORS:
    # It is away, or not set up: told to whoever asks, and what cannot be read is a 503.
    pass
finally:
    connections.close_all()
