"""Web clients are prohibited: a key in a page is a key published (contract, section 2)."""

from urllib.parse import urlsplit

from django.http import HttpRequest
from rest_framework.exceptions import PermissionDenied

REFUSAL = (
    "Web clients are prohibited, for a key in a page is there for everybody to read. "
    "Call this API from a server."
)


def refuse_other_sites(request: HttpRequest) -> None:
    """Raise PermissionDenied where a browser sends this from a page of another site.

    Pages of this same host (the docs) may call. Sec-Fetch-Site is the browser's own word (Fetch
    Metadata); Origin is for those that do not send it.
    """
    site = request.META.get("HTTP_SEC_FETCH_SITE", "none")
    if site not in {"none", "same-origin"}:
        raise PermissionDenied(REFUSAL)
    origin = request.META.get("HTTP_ORIGIN")
    if origin is not None and _host(origin) != request.get_host().lower():
        raise PermissionDenied(REFUSAL)


def _host(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""
