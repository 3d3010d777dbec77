"""Markdown as HTML: headings with GitHub's anchors, links led to pages, tables that scroll."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

INSTALLATION = "http://127.0.0.1:8000"
"""The installation in files for partners, instead of which readers see theirs."""
Lead = Callable[[str], str | None]
"""Returns the address for a link or picture of the file; None where it leads nowhere."""


@dataclass(frozen=True)
class Section:
    """A heading, and the words below it up to the next one; for the search."""

    anchor: str
    heading: str
    text: str


@dataclass(frozen=True)
class Document:
    """A rendered file; its first heading is the title, and not in the HTML."""

    title: SafeString
    html: SafeString
    sections: tuple[Section, ...]


def _code(
    renderer: RendererHTML, tokens: Sequence[Token], at: int, options: OptionsDict, env: EnvType
) -> str:
    return code(tokens[at].content)


def _table_open(*_: Any) -> str:
    return '<div class="oc-scroll" tabindex="0" role="group" aria-label="Table"><table>\n'


def _table_close(*_: Any) -> str:
    return "</table></div>\n"


# No HTML of the file's own; straight quotes become curly ones, but not in code.
_markdown = MarkdownIt("commonmark", {"html": False, "typographer": True})
_markdown.enable(["table", "smartquotes"])
_markdown.add_render_rule("fence", _code)
_markdown.add_render_rule("code_block", _code)
_markdown.add_render_rule("table_open", _table_open)
_markdown.add_render_rule("table_close", _table_close)


def code(text: str) -> SafeString:
    """Return a block of code, to which docs.js adds a button that copies it."""
    return format_html('<div class="oc-code"><pre tabindex="0"><code>{}</code></pre></div>\n', text)


def inline(text: str) -> SafeString:
    """Render one line: backticks and quotes."""
    return _safe(_markdown.renderInline(text))


def document(text: str, *, link: Lead, picture: Lead) -> Document:
    """Render a file."""
    env: dict[str, Any] = {}
    tokens = _markdown.parse(text, env)
    for token in tokens:
        if token.type == "inline":
            token.children = [*_led(token.children or [], link, picture)]
    _name_cells(tokens)
    sections = tuple(_sections(tokens))
    title, body = tokens[1], tokens[3:]
    assert tokens[0].tag == "h1", "the file begins with its title"
    return Document(
        _safe(_markdown.renderer.render([title], _markdown.options, env)),
        _safe(_markdown.renderer.render(body, _markdown.options, env)),
        sections,
    )


def _name_cells(tokens: Sequence[Token]) -> None:
    """Give each cell the heading of its column, which a phone shows before it.

    Not in tables of two columns, where one names the other.
    """
    headings, column = list[str](), 0
    for at, token in enumerate(tokens):
        if token.type == "table_open":
            headings = []
        elif token.type == "th_open":
            headings.append(_text(tokens[at + 1]))
        elif token.type == "tr_open":
            column = 0
        elif token.type == "td_open":
            if column and len(headings) > 2 and headings[column] and tokens[at + 1].content:
                token.attrs["data-label"] = headings[column]
            column += 1


def _led(tokens: Sequence[Token], link: Lead, picture: Lead) -> Iterator[Token]:
    """Yield tokens with the addresses that links lead to; a link to nowhere is text."""
    kept = True
    for token in tokens:
        if token.type == "link_open":
            address = link(str(token.attrs["href"]))
            kept = address is not None
            token.attrs["href"] = address or ""
        if token.type == "image":
            source = picture(str(token.attrs["src"]))
            if source is None:
                continue
            token.attrs |= {"src": source, "loading": "lazy"}
        if kept or not token.type.startswith("link_"):
            yield token


def _sections(tokens: Sequence[Token]) -> Iterator[Section]:
    """Give each heading its anchor, and yield it with the text that follows."""
    anchors: dict[str, int] = {}
    anchor, heading, words = "", "", list[str]()
    for at, token in enumerate(tokens):
        if token.type == "heading_open":
            if heading:
                yield Section(anchor, heading, " ".join(words))
            heading, words = _text(tokens[at + 1]), []
            anchor = token.attrs["id"] = _anchor(heading, anchors)
        elif token.type in {"fence", "code_block"} or (
            token.type == "inline" and tokens[at - 1].type != "heading_open"
        ):
            words.append(_text(token))
    if heading:
        yield Section(anchor, heading, " ".join(words))


def _text(token: Token) -> str:
    if token.type != "inline":
        return token.content
    return "".join(
        " " if each.type == "softbreak" else each.content for each in token.children or []
    )


def _anchor(heading: str, taken: dict[str, int]) -> str:
    """Return the anchor that GitHub gives a heading, numbered where there are several."""
    plain = re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
    number = taken.get(plain, 0)
    taken[plain] = number + 1
    return f"{plain}-{number}" if number else plain


def _safe(html: str) -> SafeString:
    return mark_safe(html)  # noqa: S308  # rendered from the product's own files, HTML disabled
