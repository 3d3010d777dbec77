"""Middleware for the API's paths: checks of host and scheme, before routing."""

import re
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from openchair.api import problems

API_PATHS = re.compile(r"/(?:online)?scheduling(?:/|\Z)")


def is_api(request: HttpRequest) -> bool:
    """Whether a request is to the API, where no answer is ever HTML."""
    return API_PATHS.match(request.path_info) is not None


def _names_another_host(request: HttpRequest) -> bool:
    """Whether an absolute request line, GET http://host/path, differs from the Host header."""
    target = request.META.get("RAW_URI", "/")  # gunicorn's
    return not target.startswith("/") and urlsplit(target).netloc.lower() != request.get_host()


class ApiGuardMiddleware:
    """Checks host and scheme, and ignores a trailing slash."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if not is_api(request):
            return self.get_response(request)
        if request.path_info.endswith("/"):
            request.path_info = request.path_info[:-1]
        response = self._refusal(request) or self.get_response(request)
        # A 304's would be that of the 200 it stands for (RFC 9110, section 8.6).
        if isinstance(response, HttpResponse) and response.status_code != HTTPStatus.NOT_MODIFIED:
            response.headers.setdefault("Content-Length", str(len(response.content)))
        return response

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        try:
            request.get_host()
        except DisallowedHost:
            detail = "This installation does not answer to that Host: check the address."
            return problems.by_status(None, 400, detail)
        if _names_another_host(request):
            detail = "The request line names another host than the Host header (RFC 9112, 3.2.2)."
            return problems.by_status(None, 400, detail)
        if "HTTP_HOST" not in request.META and request.META.get("SERVER_PROTOCOL") != "HTTP/1.0":
            return problems.by_status(None, 400, "Send a Host header (RFC 9112, section 3.2).")
        if settings.HTTPS_ONLY and not request.is_secure():
            return problems.by_status(
                request, 403, "Use https: the key has just travelled in clear, so replace it."
            )
        return None
