"""Doing a request again after a deadlock or a serialization failure: the one place for it."""

import random
import time
from collections.abc import Callable
from contextlib import suppress
from io import BytesIO

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, RawPostDataException, UnreadablePostError
from django.http.response import HttpResponseBase

from openchair import pages
from openchair.database import failures

PAUSES = (0.05, 0.2, 0.5)
"""Seconds to wait at most before the second, third and last try."""


class SecondTryMiddleware:
    """Does a request again whose change PostgreSQL rolled back for the sake of another one's.

    From its very beginning, as if it came a moment later: who asks, what is the case and what time
    it is are looked up anew. A view makes its change in one transaction, so no half of one is done
    twice; what the clock has done meanwhile can be written down twice.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, after some tries if need be."""
        if request.content_type == "multipart/form-data":
            # A form of the admin, which Django would read off the wire, once.
            with suppress(UnreadablePostError, RequestDataTooBig):
                request.body  # noqa: B018  # reading it keeps it
        for longest in PAUSES:
            pristine = dict(vars(request))
            response = self.get_response(request)
            if not request.META.pop(failures.CONFLICT_MET, False):
                return response
            try:
                body = request.body
            except (RawPostDataException, UnreadablePostError):  # nobody has kept it
                return response
            response.close()
            # Those that met must not meet again at once.
            time.sleep(random.uniform(longest / 4, longest))  # noqa: S311  # no secret
            vars(request).clear()
            vars(request).update(pristine)
            request._body, request._stream = body, BytesIO(body)
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        """Answer where the database failed the view of a page."""
        return pages.database_failed(request, error) if isinstance(error, failures.ERRORS) else None
