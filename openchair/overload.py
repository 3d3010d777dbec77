"""More requests than can be answered: those that waited too long are refused, for next to nothing.

So nobody waits for an answer that comes too late, and the queue is short again within seconds of a
flood's end.
"""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from openchair.api import problems
from openchair.worker import waited

RETRY_AFTER = 2


class OverloadMiddleware:
    """Refuses what has waited longer than PATIENCE, before anything is done for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Refuse a request that comes too late, in a few words to people and partners alike."""
        if waited.seconds <= settings.PATIENCE:
            return self.get_response(request)
        detail = (
            "More requests come than can be answered, and this one has waited too long: nothing "
            f"was done. Send it again in {RETRY_AFTER} seconds."
        )
        refused: HttpResponse = problems.by_status(None, 503, detail)
        refused["Retry-After"] = str(RETRY_AFTER)
        # Django would log a line for each, when there is least time for it; it is counted.
        refused._has_been_logged = True  # type: ignore[attr-defined]  # not in its stubs
        return refused
