"""The files of docs/ that are for readers of a running installation, and CHANGELOG.md, as pages."""

import posixpath
from functools import cache

from django.conf import settings
from django.templatetags.static import static
from django.urls import reverse

from openchair.docs import markdown

GUIDES = {
    "partners": (
        ("partners", "Ten minutes to a sync"),
        ("webhooks", "Webhooks"),
        ("api", "The API’s rules"),
        ("smart", "Search sites"),
    ),
    "practices": (
        ("admin", "The desk"),
        ("patients", "Online booking"),
        ("mail", "Mail to patients"),
        ("logins", "Logging in"),
    ),
    "operators": (
        ("operations", "Install and run"),
        ("settings", "Settings"),
        ("backups", "Backups"),
        ("monitoring", "Monitoring"),
        ("failing", "What breaks and how"),
        ("keys-and-secrets", "Keys and secrets"),
        ("scaling", "Several machines"),
    ),
}
"""Slug (the file's name in docs/) and short name of each, by who reads it."""
SLUGS = [slug for pages in GUIDES.values() for slug, _ in pages]


@cache
def guide(slug: str) -> markdown.Document:
    return _read(f"docs/{slug}.md")


@cache
def changelog() -> markdown.Document:
    return _read("CHANGELOG.md")


def _read(name: str) -> markdown.Document:
    folder = posixpath.dirname(name)

    def path_of(target: str) -> str:
        return posixpath.normpath(posixpath.join(folder, target))

    def link(target: str) -> str | None:
        if target.startswith(("#", "https://")):
            return target
        file, mark, anchor = target.partition("#")
        address = _pages().get(path_of(file))
        return address and address + mark + anchor

    def picture(target: str) -> str | None:
        return static(posixpath.relpath(path_of(target), "docs"))

    text = (settings.BASE_DIR / name).read_text()
    return markdown.document(text, link=link, picture=picture)


@cache
def _pages() -> dict[str, str]:
    """Return the address of the page of each file that has one."""
    guides = {f"docs/{slug}.md": reverse("guide", args=[slug]) for slug in SLUGS}
    return {**guides, "CHANGELOG.md": reverse("changelog"), "docs/README.md": reverse("docs")}
