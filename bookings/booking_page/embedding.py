"""The script for a practice's own website that keeps the frame as tall as the page in it."""

from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import cache_control
from django.views.decorators.http import conditional_page, require_safe


@cache
def _script() -> bytes:
    return (settings.BASE_DIR / "openchair" / "static" / "embed.js").read_bytes()


@require_safe
@conditional_page
@cache_control(public=True, max_age=86_400)
def script(request: HttpRequest) -> HttpResponse:
    """Return embed.js, at an address that stays the same in snippets pasted long ago."""
    return HttpResponse(_script(), content_type="text/javascript; charset=utf-8")
