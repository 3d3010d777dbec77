"""Search of the docs: guides by section, operations and problems, by plain words."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from django.urls import reverse

from openchair.api.problems import CATALOGUE
from openchair.docs import guides, reference
from openchair.docs.problem_pages import reasons_of

LONGEST = 100
"""Characters of a query that are looked at."""
_MOST = 40
_AROUND = 90
"""Characters shown on either side of a word found."""


@dataclass(frozen=True)
class Entry:
    """Something to be found. kind: what it is, or the page that it is in."""

    kind: str
    title: str
    address: str
    text: str


@dataclass(frozen=True)
class Hit:
    entry: Entry
    excerpt: str


def find(query: str) -> list[Hit]:
    """Return what has all words of the query; first what has them in its title."""
    words = query[:LONGEST].casefold().split()
    if not words:
        return []
    found = [each for each in _entries() if _has(f"{each.kind} {each.title} {each.text}", words)]
    found.sort(key=lambda each: (not _has(each.title, words), not _has(each.title, words[:1])))
    return [Hit(each, _excerpt(each.text, words)) for each in found[:_MOST]]


def _has(text: str, words: list[str]) -> bool:
    folded = text.casefold()
    return all(word in folded for word in words)


def _excerpt(text: str, words: list[str]) -> str:
    """Return the words around the first that is found, or the beginning, without backticks."""
    text = text.replace("`", "")
    found = [place for word in words if (place := text.casefold().find(word)) >= 0]
    start = max(0, min(found, default=0) - _AROUND)
    end = start + 2 * _AROUND
    before, after = start > 0, end < len(text)
    part = text[start:end]
    if before:  # whole words only
        part = part.partition(" ")[2]
    if after:
        part = part.rpartition(" ")[0]
    return f"{'… ' if before else ''}{part.strip()}{' …' if after else ''}"


@cache
def _entries() -> tuple[Entry, ...]:
    return (*_operations(), *_problems(), *_guides())


def _operations() -> Iterator[Entry]:
    for title, address, words in reference.for_search():
        yield Entry("Reference", title, address, words)


def _problems() -> Iterator[Entry]:
    for kind in CATALOGUE.values():
        tables = [f"{reason} {told}" for _, rows in reasons_of(kind.slug) for reason, told in rows]
        text = " ".join([kind.slug, kind.meaning, kind.mend, *tables])
        title = f"{kind.status} {kind.title}"
        yield Entry("Problem", title, reverse("problem", args=[kind.slug]), text)


def _guides() -> Iterator[Entry]:
    for pages in guides.GUIDES.values():
        for slug, name in pages:
            for section in guides.guide(slug).sections:
                address = f"{reverse('guide', args=[slug])}#{section.anchor}"
                yield Entry(f"Guide: {name}", section.heading, address, section.text)
