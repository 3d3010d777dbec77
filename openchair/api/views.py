"""What every endpoint does before and after its own work."""

from typing import TYPE_CHECKING, Any, cast

from drf_spectacular.utils import extend_schema
from rest_framework.exceptions import MethodNotAllowed, NotAuthenticated, NotFound, ParseError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from openchair.api import browsers, throttling
from openchair.database.compiled import Question

if TYPE_CHECKING:
    from practices.api.authentication import Caller  # which knows what is shared here


class ApiViewSet(GenericViewSet):
    """A viewset that asks in the contract's order: 401, 429, 403, 405, 403, 406, then its own."""

    http_method_names = ["get", "head", "post", "put", "patch", "delete"]
    # Who has a key may read; what needs more says so.
    permission_classes = []
    format_kwarg: None = None
    budget: throttling.Budget | None = None
    asks: Question[Any] | None = None

    @property
    def caller(self) -> "Caller":
        """Give the key that calls, and the partner whose it is."""
        return cast("Caller", self.request.auth)

    @property
    def body(self) -> dict[str, Any]:
        """Read the request's body, which has to be there. Raises ParseError."""
        # Without a length Django REST framework would parse nothing, and an empty edit succeed.
        if self.request.META.get("CONTENT_LENGTH") in {None, "", "0"}:
            raise ParseError("The body is empty: send a JSON object.")
        return cast("dict[str, Any]", self.request.data)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """Leave Allow to the 405, which it belongs to."""
        return {}

    def admit(self, request: Request) -> None:
        """Let in who has a key, has not used up its limit, and is not a page of another site."""
        if request.auth is None:
            raise NotAuthenticated("Send your API key, bare, in the Authorization header.")
        self.budget = self.caller.budget
        if self.budget.is_overdrawn:
            raise throttling.Overdrawn(
                self.budget,
                f"More than {self.budget.limit} requests in {self.budget.seconds} seconds.",
            )
        browsers.refuse_other_sites(request._request)

    def first_question(self, **kwargs: Any) -> Question[Any] | None:
        """Say what this will ask the database first, to be asked along with the key."""
        return None

    def first_answer(self) -> list[Any]:
        """Give the rows of the first question; asked again, it looks again."""
        assert self.asks is not None
        return self.asks.answer()

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Answer, then take apart the ring of view, request and parsers.

        In a ring every body that was sent or answered stays in memory until the collector runs:
        with 10 000 rows in each, that was 500 MiB.
        """
        try:
            return super().dispatch(request, *args, **kwargs)
        finally:
            vars(self).pop("response", None)
            vars(self).pop("request").parser_context = {}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Do what Django REST framework does here, but ask who it is before anything else."""
        self.asks = self.first_question(**kwargs)
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
        """Add what every answer of the API carries."""
        answer = super().finalize_response(request, response, *args, **kwargs)
        # What a key may see is nobody else's: no shared cache keeps it.
        answer.headers.setdefault("Cache-Control", "private, no-cache")
        answer.headers["Vary"] = "Authorization"
        if self.budget is not None:
            for name, value in self.budget.headers.items():
                answer.headers.setdefault(name, value)
        return answer


@extend_schema(exclude=True)
class UnknownRouteView(ApiViewSet):
    """Everything under the API's paths that is no route."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Ask for the key first, as everywhere."""
        self.admit(request)
        raise NotFound("There is nothing at this address: see /docs/ for those there are.")
