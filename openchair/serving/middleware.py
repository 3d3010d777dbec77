"""What comes before everything else, and headers for pages."""

from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from openchair import pages
from openchair.operations import probes
from openchair.serving import metrics, proxies, request_log


class EdgeMiddleware:
    """Finds out who calls, answers probes before all else, and writes a line on every request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer a probe, or hand the request on as its client's."""
        entry = request_log.Entry(request)
        if settings.TRUSTED_PROXIES:
            proxies.settle(request.META)
        answered = probes.answer(request) or metrics.answer(request)
        response = answered or self.get_response(request)
        response.headers[request_log.HEADER] = entry.id
        # Here, for what is refused early never meets Django's own.
        response.headers.setdefault("X-Content-Type-Options", "nosniff")
        if response.streaming:
            closers = response._resource_closers  # type: ignore[attr-defined]  # not in its stubs
            closers.append(lambda: entry.close(response))
        else:
            entry.close(response)
        return response


def _policy(directives: dict[str, str]) -> str:
    return "; ".join(f"{name} {value}" for name, value in directives.items())


class FormsMiddleware:
    """Refuses forms that are not in UTF-8: browsers send none, and Django fails at some (rot13)."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer 400, or hand the request on."""
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.lower() not in {"utf-8", "utf8"}:
            return pages.bad_request(request, ValueError(charset))
        return self.get_response(request)


class ContentSecurityPolicyMiddleware:
    """Sends SECURE_CSP, as Django 6 does by itself, so that no page loads or calls another host.

    And with it what a page may ask of a browser: nothing.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response
        self.policy = _policy(settings.SECURE_CSP)
        self.policy_of_admin = _policy(settings.SECURE_CSP_ADMIN)

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Add the header to whatever is answered."""
        response = self.get_response(request)
        admin = request.path_info.startswith("/admin/")
        policy = self.policy_of_admin if admin else self.policy
        response.headers.setdefault("Content-Security-Policy", policy)
        response.headers["Permissions-Policy"] = settings.PERMISSIONS_POLICY
        return response
