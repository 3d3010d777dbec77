"""The WSGI application, served by gunicorn."""

import os
import re
from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.cache import close_caches
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
startup.refuse_without_static_files()


_UTF8 = re.compile(r";\s*charset\s*=\s*\"?(?:utf-?8|(?:us-)?ascii)\"?\s*(?=;|\Z)", re.IGNORECASE)


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer a request with Django."""
    kind = environ.get("CONTENT_TYPE", "")
    if ";" in kind:
        environ = {**environ, "CONTENT_TYPE": _without_charset(kind)}
    return _django(environ, start_response)


def _without_charset(kind: str) -> str:
    """Return a content type without a charset, or with one that nobody knows if it is not UTF-8.

    With a charset that it knows, Django parses the query while it builds the request, outside
    everything that answers errors, and fails at some (rot13), and at encoded parameters (RFC 2231).
    With one that it does not know, our parser and pages refuse the request.
    """
    kind = _UTF8.sub("", kind)
    if "charset" in kind.lower() or "*" in kind:
        return f"{kind.partition(';')[0]}; charset=unknown"
    return kind
