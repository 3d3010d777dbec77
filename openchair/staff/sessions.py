"""Sessions of staff: how long a login may be idle and last, and the second factor it began with."""

import time
from collections.abc import Callable

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import logout
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from openchair.serving import logs
from openchair.staff import second_factor

BEGAN = "began"
SEEN = "seen"
FACTOR = "factor"
REFRESH_HEADER = "X-Refresh"
"""Of a request that a page sends by itself: what is open on a desk keeps nobody logged in."""
# Seconds. Recording every request would write to the database at every click.
NOTED_EVERY = 20


def begin(request: HttpRequest) -> None:
    """Start both limits, after a login, and bind the session to the person's second factor."""
    request.session[BEGAN] = request.session[SEEN] = int(time.time())
    bind(request)


def bind(request: HttpRequest) -> None:
    """Let this session, and no other of the account, go on with the factor as it is now."""
    # While nobody is asked, no login has given a code: it ends once people are asked again.
    is_offered = second_factor.is_offered()
    request.session[FACTOR] = second_factor.mark(request.user) if is_offered else ""


def seconds_left(request: HttpRequest) -> int:
    """Return after how many more idle seconds a person is logged out."""
    now = int(time.time())
    return settings.SESSION_IDLE - (now - int(request.session.get(SEEN, now)))


def is_refresh(request: HttpRequest) -> bool:
    """Whether a page has sent this by itself, to be shown anew."""
    return request.method == "GET" and REFRESH_HEADER in request.headers


class SessionLimitsMiddleware:
    """Logs out sessions that were idle, or have lasted, too long."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        # Only the admin has logins; elsewhere, looking the session up would cost a query.
        if request.path_info.startswith("/admin/") and request.user.is_authenticated:
            request.META[logs.USER] = request.user.get_username()
            now = int(time.time())
            began = request.session.setdefault(BEGAN, now)
            seen = request.session.setdefault(SEEN, now)
            if now - seen >= settings.SESSION_IDLE or now - began >= settings.SESSION_MAX:
                logout(request)
                messages.info(request, "You were logged out to keep patient data safe.")
            elif not is_refresh(request) and now - seen >= min(
                NOTED_EVERY, settings.SESSION_IDLE / 2
            ):
                request.session[SEEN] = now
        return self.get_response(request)


class SecondFactorMiddleware:
    """Ends sessions that began with another factor, and sends who lacks one to its page."""

    # What is open to somebody who is not logged in, and the page itself, which may stay idle too.
    OPEN = ("second_factor", "second_factor_code", "login", "logout", "stay")

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_admin = request.path_info.startswith("/admin/")
        if is_admin and second_factor.is_offered() and request.user.is_authenticated:
            if request.session.get(FACTOR, "") != second_factor.mark(request.user):
                logout(request)
                messages.info(request, "You were logged out: your second factor has changed.")
            elif self._is_sent(request):
                return redirect("admin:second_factor")
        return self.get_response(request)

    def _is_sent(self, request: HttpRequest) -> bool:
        lacks = second_factor.is_demanded(request.user) and not second_factor.mark(request.user)
        return lacks and request.path_info not in {reverse(f"admin:{each}") for each in self.OPEN}
