"""Access log middleware: records which patients' data a response contains.

Rows are saved before the response is sent: where saving fails, no data is sent. A change that a
partner makes to an appointment has an audit event already, and is not recorded twice; a request
that changes nothing is recorded by its view.
"""

from collections.abc import Callable, Collection
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import cast

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.request import Request

from bookings import walltime
from bookings.models import Access, Appointment, Read, WaitlistEntry, read_by
from bookings.scheduling.actors import Actor
from openchair.api.middleware import is_api
from openchair.serving.logs import route
from practices.api.authentication import Caller

_SHOWS_DATA = {200, 400, 409}
"""400: a form of the desk with mistakes, rendered again with the page around it. 409: a question of
the desk that names the patients whose times would overlap."""

MOST = 5000
"""Most ids in one row and in one query: databases limit the parameters of a query."""


class AccessMiddleware:
    """Saves Access rows of the appointments that `Appointment.person` was read of."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        read = Read(set(), set())
        token = read_by.set(read)
        try:
            response = self.get_response(request)
        finally:
            read_by.reset(token)
        if any(read) and response.status_code in _SHOWS_DATA and not _is_told(request):
            caller: Caller | None = getattr(request, "auth", None)
            user = cast("AbstractBaseUser", request.user)
            by = Actor.of_staff(user) if caller is None else Actor.of_caller(caller)
            record(request, read.appointments, by, walltime.now())
            record(request, read.entries, by, walltime.now(), of=WaitlistEntry)
        return response


def _is_told(request: HttpRequest) -> bool:
    """Whether the request was a partner's change, which has an event."""
    return is_api(request) and request.method not in {"GET", "HEAD"}


def record(
    request: HttpRequest | Request,
    read: Collection[str],
    by: Actor,
    now: datetime,
    *,
    of: type[Appointment | WaitlistEntry] = Appointment,
) -> None:
    """Save who was shown the patients of these appointments in the answer to a request.

    of: which the ids are of.
    """
    ids = sorted(read)
    practice = "practice_id" if of is WaitlistEntry else "booking__practice_id"
    for first in range(0, len(ids), MOST):
        rows = of._default_manager.filter(pk__in=ids[first : first + MOST])
        owned = sorted(rows.values_list(practice, "pk"))
        Access.objects.bulk_create(
            Access(
                at=now,
                practice_id=practice_id,
                actor=by.kind,
                api_key_id=by.api_key_id,
                user_id=by.user_id,
                method=str(request.method),
                route=route(request),
                **_columns([pk for _, pk in group], of),
            )
            for practice_id, group in groupby(owned, key=itemgetter(0))
        )


def _columns(ids: list[str], of: type[Appointment | WaitlistEntry]) -> dict[str, list[str]]:
    if of is WaitlistEntry:
        return {"appointments": [], "entries": ids}
    return {"appointments": ids}
