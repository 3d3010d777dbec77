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
