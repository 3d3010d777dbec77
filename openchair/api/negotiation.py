"""Which form an answer has: JSON, or a 406."""

from collections.abc import Iterable
from typing import Any

from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

_JSON = {None, "", "*/*", "application/json"}


class JsonNegotiation(DefaultContentNegotiation):
    """Knows at once what nearly every client accepts, and lets the rest be worked out."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> Any:
        """Select the one renderer there is. Raises NotAcceptable."""
        if request.META.get("HTTP_ACCEPT") in _JSON:
            renderer = next(iter(renderers))
            return renderer, renderer.media_type
        return super().select_renderer(request, renderers, format_suffix)
