"""Forms whose answer shows a secret: sent again, as a reload does, they make no second one."""

import secrets

from django.http import HttpRequest

_KEPT = 20


def token(request: HttpRequest, purpose: str) -> str:
    """Return a token that is good for one answer; the session has the last 20 of a purpose."""
    word = secrets.token_urlsafe(8)
    request.session[purpose] = [*request.session.get(purpose, []), word][-_KEPT:]
    return word


def is_first(request: HttpRequest, purpose: str) -> bool:
    """Whether the token that is sent as `once` has not been used, which it is now."""
    words = request.session.get(purpose, [])
    word = request.POST.get("once", "")
    if word not in words:
        return False
    request.session[purpose] = [other for other in words if other != word]
    return True
