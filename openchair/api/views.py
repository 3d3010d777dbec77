"""Base class of the API's viewsets: authentication, throttling and the order of checks."""

from functools import cached_property
from typing import TYPE_CHECKING, Any, NoReturn, cast
from urllib.parse import urlsplit

from django.http import HttpRequest
from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import (
    MethodNotAllowed,
    NotAuthenticated,
    NotFound,
    ParseError,
    PermissionDenied,
)
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from openchair.api import parsers
from openchair.database.compiled import BoundQuery
from openchair.rate_limits import Budget, RateLimitExceeded

if TYPE_CHECKING:
    from practices.api.authentication import Caller


NO_WEB_CLIENTS = (
    "Web clients are prohibited, for a key in a page is there for everybody to read. "
    "Call this API from a server."
)


def refuse_other_sites(request: HttpRequest) -> None:
    """Raise PermissionDenied for a request that a browser sent from a page of another site.

    Pages of this same host (the docs) may call. Sec-Fetch-Site is set by the browser (Fetch
    Metadata); Origin is for browsers that do not send it.
    """
    site = request.META.get("HTTP_SEC_FETCH_SITE", "none")
    if site not in {"none", "same-origin"}:
        raise PermissionDenied(NO_WEB_CLIENTS)
    origin = request.META.get("HTTP_ORIGIN")
    if origin is not None and _host(origin) != request.get_host().lower():
        raise PermissionDenied(NO_WEB_CLIENTS)


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


class ApiViewSet(GenericViewSet):
    """A viewset that checks in the contract's order: 401, 429, 403, 405, 403, 406, then its own."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    # A valid key is enough to read; views that need more override this.
    permission_classes = []
    may_lack_body: frozenset[str] = frozenset()
    """Actions that take no body for an empty object."""
    format_kwarg: None = None
    budget: Budget | None = None

    @property
    def caller(self) -> "Caller":
        return cast("Caller", self.request.auth)

    @cached_property
    def body(self) -> dict[str, Any]:
        """The request's parsed body. Raises ParseError if it is not a JSON object, or missing."""
        if parsers.is_chunked(self.request):
            return parsers.parse_chunked(self.request)
        # Without a length Django REST framework would parse nothing, and an empty edit succeed.
        if self.request.META.get("CONTENT_LENGTH") in {None, "", "0"}:
            if self.action in self.may_lack_body:
                return {}
            raise ParseError(parsers.EMPTY)
        return cast("dict[str, Any]", self.request.data)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Empty: DRF would add Allow, which belongs to the 405."""
        return {}

    def get_first_query(self, **kwargs: str) -> BoundQuery[Any] | None:
        """Return the first query of the route with these ids, to be run along with the key's."""
        return None

    @cached_property
    def first_query(self) -> Any:
        """The `BoundQuery` of this request; None where the view has none."""
        return self.get_first_query(**self.kwargs) if self.kwargs else None

    def get_authenticators(self) -> list[Any]:
        kinds: Any = self.authentication_classes
        return [kind(along=self.first_query) for kind in kinds]

    def admit(self, request: Request) -> None:
        """Check the key, its rate limit, and that no page of another site sent the request.

        Raises NotAuthenticated, AuthenticationFailed, RateLimitExceeded or PermissionDenied.
        """
        self.perform_authentication(request)
        if request.auth is None:
            raise NotAuthenticated("Send your API key, bare, in the Authorization header.")
        self.budget = self.caller.budget
        self.check_throttles(request)
        refuse_other_sites(request._request)

    def throttled(self, request: Request, wait: float | None) -> NoReturn:
        budget = self.caller.budget
        raise RateLimitExceeded(
            budget, f"More than {budget.limit} requests in {budget.seconds} seconds."
        )

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer, then break the reference cycle of view, request and parsers.

        In a cycle every body that was sent or answered stays in memory until garbage is collected:
        with 10 000 rows in each, that was 500 MiB.
        """
        try:
            return super().dispatch(request, *args, **kwargs)
        finally:
            vars(self).pop("response", None)
            vars(self).pop("request").parser_context = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Do what DRF does here, but authenticate before anything else."""
        self.admit(request)
        if str(request.method).lower() not in self.action_map:
            raise MethodNotAllowed(str(request.method))
        self.check_permissions(request)
        request.query_params  # noqa: B018  # reading them refuses too many (400), used or not
        renderer, media_type = self.perform_content_negotiation(request)
        request.accepted_renderer, request.accepted_media_type = renderer, media_type

    def finalize_response(
        self, request: Request, response: Any, *args: Any, **kwargs: Any
    ) -> Response:
        answer = super().finalize_response(request, response, *args, **kwargs)
        # The answer depends on the key, so no shared cache may store it.
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        answer.headers["Vary"] = "Authorization"
        if self.budget is not None:
            for name, value in self.budget.headers.items():
                answer.headers.setdefault(name, value)
        return answer


@extend_schema(exclude=True)
class UnknownRouteView(ApiViewSet):
    """Answers 404 to everything under the API's paths that is no route."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        self.admit(request)

    def handle(self, request: Any) -> NoReturn:
        raise NotFound("There is nothing at this address: see /docs/ for those there are.")

    # DRF calls this for every method that the route does not map.
    def http_method_not_allowed(self, request: Any, *args: Any, **kwargs: Any) -> NoReturn:
        self.handle(request)
