"""What stands on the left of every page of the docs."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from openchair.api.problems import CATALOGUE
from openchair.docs import markdown
from openchair.docs.guides import GUIDES
from openchair.docs.reference import GROUPS, operations


@dataclass(frozen=True)
class Link:
    """A link of the navigation; `html` is its text."""

    html: str
    address: str


@dataclass(frozen=True)
class Group:
    """Links under a heading; folded unless the page shown is among them."""

    title: str
    links: tuple[Link, ...]


@cache
def groups() -> tuple[Group, ...]:
    return (
        Group(
            "Start",
            (
                Link("Quick start", reverse("docs")),
                Link("Try it here", reverse("try_it")),
                Link("openapi.json", reverse("openapi")),
            ),
        ),
        *(
            Group(f"Guides: {audience}", tuple(_guide(slug, name) for slug, name in pages))
            for audience, pages in GUIDES.items()
        ),
        Group("API reference", (Link("All operations", reverse("reference")),)),
        *(
            Group(
                f"API: {title}",
                tuple(Link(operations()[name].title, operations()[name].address) for name in names),
            )
            for title, names in GROUPS.items()
        ),
        Group(
            "Problems",
            (
                Link("All problems", reverse("problems")),
                *(
                    Link(
                        f"{kind.status} {markdown.inline(kind.title)}",
                        reverse("problem", args=[kind.slug]),
                    )
                    for kind in CATALOGUE.values()
                ),
            ),
        ),
        Group("Changelog", (Link("What changed", reverse("changelog")),)),
    )


def _guide(slug: str, name: str) -> Link:
    return Link(markdown.inline(name), reverse("guide", args=[slug]))


def docs_page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None
) -> HttpResponse:
    """Render a template that extends docs/base.html, with the navigation."""
    shown = {"groups": [(group, _is_in(group, request.path)) for group in groups()]}
    return render(request, template, {**shown, **(context or {})})


def _is_in(group: Group, path: str) -> bool:
    return any(link.address == path for link in group.links)
