"""Middleware around every request (log, proxy, queue time, CSP), and for pages alone."""

import re
import time
from collections.abc import Callable, Iterator, Mapping

from django.conf import settings
from django.http import FileResponse, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import translation
from django.utils.module_loading import import_string

from openchair import pages
from openchair.api import problems
from openchair.api.middleware import is_api
from openchair.database import failures
from openchair.serving import logs, metrics, proxies

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class RequestLogMiddleware:
    """Logs and counts every request, and sets X-Request-ID on each answer."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        timer = logs.RequestTimer(request)
        metrics.begin(request.path_info)
        response = self.get_response(request)
        response.headers[logs.REQUEST_ID_HEADER] = timer.id
        # Here, because early answers never reach Django's own middleware.
        response.headers.setdefault("X-Content-Type-Options", "nosniff")

        def finish() -> None:
            took = timer.log(request, response)
            metrics.request(logs.method(request), logs.route(request), response.status_code, took)

        if isinstance(response, StreamingHttpResponse) and not isinstance(response, FileResponse):
            response.streaming_content = _Stream(iter(response), finish)
        else:
            finish()
        return response


class _Stream:
    """The body of a streamed response; Django calls `close` at its end, sent or not."""

    def __init__(self, parts: Iterator[bytes], close: Callable[[], None]) -> None:
        self.parts = parts
        self.close = close

    def __iter__(self) -> Iterator[bytes]:
        return self.parts


class TrustedProxyMiddleware:
    """Replaces the proxy's address and scheme with the client's (TRUSTED_PROXIES)."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        proxies.settle(request.META)
        return self.get_response(request)


class QueueTimeMiddleware:
    """Refuses a request that has waited longer than PATIENCE for a worker (503, Retry-After).

    A trusted proxy's X-Request-Start is the time of arrival; without it nothing is refused. Waiting
    counts from this worker's first request at the earliest, so that a restart, however long,
    refuses no request.
    """

    RETRY_AFTER = 2
    _START = re.compile(r"t=(\d{1,12}(?:\.\d{1,9})?)")

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.first_request_at: float | None = None

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        now = time.time()
        if self.first_request_at is None:
            self.first_request_at = now
        waited = now - max(self._arrival(request.META, default=now), self.first_request_at)
        if waited > settings.PATIENCE and request.path_info not in settings.PROBES:
            return self._refuse(request)
        return self.get_response(request)

    def _arrival(self, environ: Mapping[str, str], *, default: float) -> float:
        """Return the arrival in seconds since 1970, which nginx writes as t=1795391119.250."""
        start = self._START.fullmatch(environ.get(proxies.REQUEST_START, ""))
        return float(start[1]) if start else default

    def _refuse(self, request: HttpRequest) -> HttpResponse:
        why = "More requests come than can be answered, and this one has waited too long"
        if not is_api(request):
            return pages.unavailable(request, failures.Outage(why, self.RETRY_AFTER))
        detail = f"{why}: nothing was done. Send it again in {self.RETRY_AFTER} seconds."
        refused = problems.by_status(None, 503, detail)
        refused["Retry-After"] = str(self.RETRY_AFTER)
        return refused


class DatabaseErrorMiddleware:
    """Answers a database error in a page's view: 503, or 409 for a broken constraint."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, error: Exception) -> HttpResponse | None:
        return pages.database_failed(request, error) if isinstance(error, failures.ERRORS) else None


def _policy(directives: dict[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in directives.items())


class ContentSecurityPolicyMiddleware:
    """Sets the headers of SECURE_CSP, as Django 6 does by itself, and of PERMISSIONS_POLICY."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.policy = _policy(settings.SECURE_CSP)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        response.headers.setdefault("Content-Security-Policy", self.policy)
        response.headers["Permissions-Policy"] = settings.PERMISSIONS_POLICY
        return response


class PageMiddleware:
    """Runs PAGE_MIDDLEWARE for pages, and not for the API and PROBES.

    A key has no session and no messages, and each of these middlewares adds one or two hundredths
    to a request's time. A probe comes with any Host, which CommonMiddleware would refuse.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response
        self.get_page = get_response
        for path in reversed(settings.PAGE_MIDDLEWARE):
            self.get_page = import_string(path)(self.get_page)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        is_page = not is_api(request) and request.path_info not in settings.PROBES
        if not is_page:
            return self.get_response(request)
        # LocaleMiddleware leaves its language to the thread's next request, the API's too.
        with translation.override(settings.LANGUAGE_CODE, deactivate=True):
            return self.get_page(request)


class FormsMiddleware:
    """Refuses forms not in UTF-8, which no browser sends, and queries with too many parameters.

    Django fails at some charsets (rot13). Too many parameters are a 400 where they are read; the
    API reads them always, too.
    """

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() not in {"utf-8", "utf8"}:
            return pages.bad_request(request, ValueError(charset))
        request.GET  # noqa: B018  # reading it raises TooManyFieldsSent (400)
        return self.get_response(request)
