"""Who was shown what is known of which patients: a row for each page or list.

Written before the answer leaves: what cannot be written down is not shown. A change of a place by
a partner is told by its event, and is not written twice.
"""

from collections.abc import Callable
from itertools import groupby
from operator import itemgetter
from typing import cast

from django.contrib.auth.models import AbstractBaseUser
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from bookings import walltime
from bookings.models import Access, Appointment, read_by
from bookings.scheduling.actors import Actor
from openchair.api.middleware import is_api
from openchair.serving.logs import route
from practices.callers import Caller

MOST = 5000
"""How many places a row tells of: databases take only so many ids in a question."""


class AccessMiddleware:
    """Writes down whose data a request has read, where its answer shows any."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and write down what was read for it."""
        read: set[str] = set()
        token = read_by.set(read)
        try:
            response = self.get_response(request)
        finally:
            read_by.reset(token)
        is_told = is_api(request) and request.method not in {"GET", "HEAD"}
        if read and response.status_code == 200 and not is_told:
            _write(request, read)
        return response


def _write(request: HttpRequest, read: set[str]) -> None:
    caller: Caller | None = getattr(request, "auth", None)
    user = cast("AbstractBaseUser", request.user)
    by = Actor.of_staff(user) if caller is None else Actor.of_caller(caller)
    ids, now = sorted(read), walltime.now()
    for first in range(0, len(ids), MOST):
        places = Appointment.objects.filter(pk__in=ids[first : first + MOST])
        owned = sorted(places.values_list("booking__practice_id", "pk"))
        Access.objects.bulk_create(
            Access(
                at=now,
                practice_id=practice_id,
                actor=by.kind,
                api_key_id=by.api_key_id,
                user_id=by.user_id,
                method=str(request.method),
                route=route(request),
                appointments=[place_id for _, place_id in group],
            )
            for practice_id, group in groupby(owned, key=itemgetter(0))
        )
