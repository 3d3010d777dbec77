"""Every route of the API and of the admin, for tests that must cover all."""

import re
from collections.abc import Iterator

from django.urls import URLPattern, URLResolver, get_resolver


def routes() -> list[tuple[str, str]]:
    """List methods and path patterns: ("GET", "/scheduling/practice/<id:practice_id>"), say."""
    found = []
    for part in get_resolver().url_patterns:
        for route in part.url_patterns if isinstance(part, URLResolver) else []:
            methods = getattr(getattr(route, "callback", None), "actions", None)
            if isinstance(route, URLPattern) and methods:
                named = {method.upper() for method in methods} - {"HEAD"}
                found += [(method, f"/{route.pattern}") for method in sorted(named)]
    return found


def filled(pattern: str, ids: dict[str, str]) -> str:
    """Put ids into a path pattern."""
    for name, value in ids.items():
        pattern = pattern.replace(f"<id:{name}>", value)
    return pattern


PLACEHOLDER = re.compile(r"<(?:(\w+):)?\w+>")
SAMPLES = {
    "int": "1",
    "id": "aaaaa",
    "path": "1",
    "slug": "x",
    "uuid": "0" * 32,
    "str": "x",
    "": "x",
}


def admin_addresses() -> list[str]:
    """Return an address of each of the admin's URL patterns, of rows that do not exist."""
    [admin] = [part for part in get_resolver().url_patterns if str(part.pattern) == "admin/"]
    assert isinstance(admin, URLResolver)
    return sorted({f"/{address}" for address in _below(admin, "")})


def _below(part: URLPattern | URLResolver, prefix: str) -> Iterator[str]:
    route = prefix + PLACEHOLDER.sub(lambda found: SAMPLES[found[1] or ""], _route(part))
    if isinstance(part, URLPattern):
        yield route
        return
    for each in part.url_patterns:
        yield from _below(each, route)


def _route(part: URLPattern | URLResolver) -> str:
    """Return a pattern as a path; of a regular expression, a text that it matches."""
    text = re.sub(r"\(\?P<\w+>([\w.]+)[^)]*\)", r"\1", str(part.pattern))
    return re.sub(r"\.\*|[\^$\\?]", "", text)
