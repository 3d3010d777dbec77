"""Views of the docs site."""

from datetime import timedelta
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.http import require_safe

from openchair.api.problems import CATALOGUE
from openchair.docs import examples, guides, markdown, problem_pages, samples
from openchair.docs import search as find
from openchair.docs.navigation import docs_page
from openchair.docs.reference import GROUPS, openapi_document


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """Show the first calls, with the reader's host."""
    return docs_page(request, "docs/start.html", first_calls(request))


def first_calls(request: HttpRequest) -> dict[str, Any]:
    """Return what docs/first_calls.html shows: calls for the openings of the next seven days."""
    now = timezone.now()
    return {
        "api": origin(request),
        "key": samples.KEY,
        "location": examples.location(),
        "from": now,
        "until": now + timedelta(days=7),
    }


@require_safe
def guide(request: HttpRequest, slug: str) -> HttpResponse:
    if slug not in guides.SLUGS:
        raise Http404
    document = guides.guide(slug)
    html = document.html
    if slug in dict(guides.GUIDES["partners"]):
        # A host that Django has accepted has no character of HTML in it.
        html = mark_safe(html.replace(markdown.INSTALLATION, origin(request)))  # noqa: S308
    return docs_page(request, "docs/guide.html", {"title": document.title, "html": html})


@require_safe
def changelog(request: HttpRequest) -> HttpResponse:
    document = guides.changelog()
    return docs_page(request, "docs/guide.html", {"title": document.title, "html": document.html})


@require_safe
def openapi(request: HttpRequest) -> HttpResponse:
    return HttpResponse(openapi_document(), content_type="application/json")


@require_safe
def try_it(request: HttpRequest) -> HttpResponse:
    """Show Swagger UI, in which calls can be tried with a key."""
    return docs_page(request, "docs/try.html", {"operations": GROUPS})


@require_safe
def problems(request: HttpRequest) -> HttpResponse:
    """List every type of problem that the API answers with."""
    kinds = [(kind, markdown.inline(kind.meaning)) for kind in CATALOGUE.values()]
    return docs_page(request, "docs/problems.html", {"kinds": kinds})


@require_safe
def problem(request: HttpRequest, slug: str) -> HttpResponse:
    """Explain one type of problem: the page that a problem's `type` links to."""
    kind = CATALOGUE.get(slug)
    if kind is None:
        raise Http404
    context = {
        "kind": kind,
        "title": markdown.inline(kind.title),
        "meaning": markdown.inline(kind.meaning),
        "mend": markdown.inline(kind.mend),
        "reasons": [
            (of, [(name, markdown.inline(told)) for name, told in table])
            for of, table in problem_pages.reasons_of(slug)
        ],
        "example": problem_pages.example(slug).at(origin(request)),
        "operations": problem_pages.operations_with(kind),
    }
    return docs_page(request, "docs/problem.html", context)


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Search the guides, the reference and the problems."""
    query = request.GET.get("q", "").strip()[: find.LONGEST]
    return docs_page(request, "docs/search.html", {"query": query, "hits": find.find(query)})


def origin(request: HttpRequest) -> str:
    """Return where the reader came to, as in https://openchair.example."""
    return request.build_absolute_uri("/").removesuffix("/")
