"""WSGI application of STOCK."""

import os

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.bench.references.stock.settings"

from django.core.wsgi import get_wsgi_application  # after the settings are named

application = get_wsgi_application()
