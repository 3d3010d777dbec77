"""Middleware for pages, of no use to the API: a key has no session and reads no messages."""

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from whitenoise.middleware import WhiteNoiseMiddleware

from openchair.api.middleware import is_api
from openchair.sessions import SessionLimitsMiddleware


class _OnPages:
    """Lets requests to the API pass by a middleware: together they took a tenth of a request."""

    get_response: Any

    def __call__(self, request: HttpRequest) -> Any:
        """Hand on what is to the API, and do the middleware's work for everything else."""
        if is_api(request):
            return self.get_response(request)
        return super().__call__(request)  # type: ignore[misc]  # the middleware's


class Files(_OnPages, WhiteNoiseMiddleware):
    """Static files."""


class Sessions(_OnPages, SessionMiddleware):
    """Sessions."""


class Users(_OnPages, AuthenticationMiddleware):
    """Who is logged in."""


class Messages(_OnPages, MessageMiddleware):
    """What a page says once."""


class SessionLimits(_OnPages, SessionLimitsMiddleware):
    """How long a session lasts."""
