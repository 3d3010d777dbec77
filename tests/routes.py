"""Every route of the API, for tests that must cover all."""

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
