"""JSON responses, and content negotiation between JSON and a 406.

Views encode at once and return a plain HttpResponse: DRF's Response, rendered later, costs more
than the encoding.
"""

from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from openchair.json_text import encode

_JSON = {None, "", "*/*", "application/json"}


def json_response(
    data: Any, *, status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    return text_response(encode(data), status=status, headers=headers)


def text_response(
    text: str, *, status: int = 200, headers: dict[str, str] | None = None
) -> HttpResponse:
    """Return a response with a text that is JSON already."""
    return HttpResponse(text, status=status, content_type="application/json", headers=headers)


def join_array(texts: Iterable[str]) -> str:
    """Return the JSON of an array, from the JSON of each element."""
    return f"[{','.join(texts)}]"


class JsonNegotiation(DefaultContentNegotiation):
    """Content negotiation, with a fast path for the usual Accept headers."""

    def select_renderer(
        self, request: Request, renderers: Iterable[BaseRenderer], format_suffix: str | None = None
    ) -> Any:
        """Return the only renderer and its media type. Raises NotAcceptable."""
        if request.META.get("HTTP_ACCEPT") in _JSON:
            renderer = next(iter(renderers))
            return renderer, renderer.media_type
        return super().select_renderer(request, renderers, format_suffix)
