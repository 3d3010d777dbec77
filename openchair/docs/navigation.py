"""What stands on the left of every page of the docs."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from openchair.api.problems import CATALOGUE
from openchair.docs.guides import GUIDES
from openchair.docs.reference import GROUPS, operations


@dataclass(frozen=True)
class Link:
    """A link of the navigation, and its text."""

    text: str
    address: str


@dataclass(frozen=True)
class Part:
    """Links under a heading of their own, or under that of the group alone ("")."""

    title: str
    links: tuple[Link, ...]


@dataclass(frozen=True)
class Group:
    """Links under a heading; folded unless the page shown is among them."""

    title: str
    parts: tuple[Part, ...]

    def has(self, path: str) -> bool:
        return any(link.address == path for part in self.parts for link in part.links)


@cache
def groups() -> tuple[Group, ...]:
    start = (
        Link("Quick start", reverse("docs")),
        Link("Try it here", reverse("try_it")),
        Link("openapi.json", reverse("openapi")),
    )
    problems = (
        Link("All problems", reverse("problems")),
        *(
            Link(f"{kind.status} {kind.title}", reverse("problem", args=[kind.slug]))
            for kind in CATALOGUE.values()
        ),
    )
    return (
        Group("Start", (Part("", start),)),
        Group(
            "Guides",
            tuple(
                Part(
                    f"For {audience}",
                    tuple(Link(name, reverse("guide", args=[slug])) for slug, name in pages),
                )
                for audience, pages in GUIDES.items()
            ),
        ),
        Group(
            "Reference",
            (
                Part("", (Link("All operations", reverse("reference")),)),
                *(
                    Part(title, tuple(_operation(name) for name in names))
                    for title, names in GROUPS.items()
                ),
            ),
        ),
        Group("Problems", (Part("", problems),)),
        Group("Changelog", (Part("", (Link("What changed", reverse("changelog")),)),)),
    )


def _operation(name: str) -> Link:
    return Link(operations()[name].title, operations()[name].address)


def docs_page(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None
) -> HttpResponse:
    """Render a template that extends docs/base.html, with the navigation."""
    shown = {"groups": [(group, group.has(request.path)) for group in groups()]}
    return render(request, template, {**shown, **(context or {})})
