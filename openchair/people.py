"""Middleware for pages, of no use to the API: a key has no session and reads no messages."""

from typing import Any

from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.messages.middleware import MessageMiddleware
from django.contrib.sessions.middleware import SessionMiddleware
from django.http import HttpRequest
from django.middleware.common import CommonMiddleware
from whitenoise.middleware import WhiteNoiseMiddleware

from openchair.api.middleware import is_api
from openchair.serving.middleware import FormsMiddleware
from openchair.staff.sessions import SessionLimitsMiddleware


class _OnPages:
    """Lets requests to the API pass by a middleware, and by those of its kind right behind it.

    Each one that is passed by on its own takes a hundredth of a request.
    """

    get_response: Any
    past: Any

    def __init__(self, get_response: Any) -> None:
        super().__init__(get_response)  # type: ignore[call-arg]  # the middleware's
        # What Django wraps around each middleware tells which one it is.
        behind = getattr(get_response, "__wrapped__", None)
        self.past = behind.past if isinstance(behind, _OnPages) else get_response

    def __call__(self, request: HttpRequest) -> Any:
        """Hand on what is to the API, and do the middleware's work for everything else."""
        if is_api(request):
            return self.past(request)
        return super().__call__(request)  # type: ignore[misc]  # the middleware's


class Files(_OnPages, WhiteNoiseMiddleware):
    """Static files."""


class Forms(_OnPages, FormsMiddleware):
    """How forms are written."""


class Sessions(_OnPages, SessionMiddleware):
    """Sessions."""


class Common(_OnPages, CommonMiddleware):
    """Slashes at the end of addresses, and how long an answer is."""


class Users(_OnPages, AuthenticationMiddleware):
    """Who is logged in."""


class Messages(_OnPages, MessageMiddleware):
    """What a page says once."""


class SessionLimits(_OnPages, SessionLimitsMiddleware):
    """How long a session lasts."""
