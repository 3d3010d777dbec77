"""The WSGI application, served by gunicorn."""

import os
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.cache import close_caches
from django.core.exceptions import TooManyFieldsSent
from django.core.signals import request_finished, request_started
from django.core.wsgi import get_wsgi_application
from django.db import reset_queries

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "openchair.settings")
# Requests have database time-outs (settings.py). gunicorn.py sets it too, because it runs first.
os.environ.setdefault("SERVING", "on")

_django = get_wsgi_application()
# At each request Django also closes caches, and there are none, and clears the log of statements,
# which only DEBUG fills: 0.03 of a GET.
request_finished.disconnect(close_caches)
if not settings.DEBUG:
    request_started.disconnect(reset_queries)

from openchair.operations import startup  # noqa: E402  # needs the models

startup.refuse_if_keys_are_missing()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer a request with Django; for one with too many parameters that is a 400."""
    try:
        return _django(environ, start_response)
    except TooManyFieldsSent:
        # With a charset, Django parses the query while it builds the request, outside everything
        # that answers errors. Without one, a view or a middleware parses it.
        return _django({**environ, "CONTENT_TYPE": ""}, start_response)
