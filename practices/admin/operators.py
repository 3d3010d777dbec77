"""Access to pages that only operators may use, and what their acts answer to no POST."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect


def operators_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view: it wants a login, and a 403 answers who is no operator."""

    def entered(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        if not request.user.is_superuser:
            raise PermissionDenied
        return view(request, **kwargs)

    @wraps(view)
    def guarded(request: HttpRequest, **kwargs: Any) -> HttpResponse:
        # admin.site is looked up at the call: it is created after this module is imported.
        return admin.site.admin_view(entered)(request, **kwargs)

    return guarded


def not_sent(request: HttpRequest, to: str, *keys: Any) -> HttpResponse:
    """Lead to a page whose button was pressed when the login had ended: logging in sent a GET."""
    messages.warning(request, "You were logged out, so nothing was done. Do it again here.")
    return redirect(to, *keys)
