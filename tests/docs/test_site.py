"""The docs site: its links, guides, search and first calls, and the front page."""

import html
import os
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import pytest
from django.conf import settings
from django.contrib.staticfiles import finders
from django.test import Client
from django.urls import reverse

from openchair.docs import guides, search
from tests.conftest import only_once_on_sqlite
from tests.factories import Scene, practice
from tests.server import Server
from tests.snippets import run_in_bash

pytestmark = [pytest.mark.django_db, only_once_on_sqlite]


class _Page(HTMLParser):
    """Ids and addresses in a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.addresses: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if values.get("id"):
            assert values["id"] not in self.ids, values["id"]
            self.ids.add(str(values["id"]))
        self.addresses += [str(values[name]) for name in ("href", "src") if values.get(name)]


def everything(client: Client) -> dict[str, _Page]:
    """Return every page of the docs that can be reached from the front page, and that page."""
    found: dict[str, _Page] = {}
    waiting = ["/"]
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        answer = client.get(path)
        assert answer.status_code == 200, path
        found[path] = _Page(answer.text)
        targets = (urlsplit(urljoin(path, each)) for each in found[path].addresses)
        waiting += [each.path for each in targets if not each.netloc and is_docs(each.path)]
    return found


def is_docs(path: str) -> bool:
    return path == "/" or path.startswith("/docs/")


def test_every_link_of_the_docs_leads_to_a_page_and_a_place_in_it() -> None:
    client = Client()
    pages = everything(client)
    assert {reverse("guide", args=[slug]) for slug in guides.SLUGS} <= set(pages)
    elsewhere = set()
    for path, page in pages.items():
        for each in page.addresses:
            target = urlsplit(urljoin(path, each))
            if target.scheme or target.netloc:
                assert target.scheme == "https", each
            elif target.path.startswith(settings.STATIC_URL):
                assert finders.find(target.path.removeprefix(settings.STATIC_URL)), each
            elif not is_docs(target.path):
                elsewhere.add(target.path)
            elif target.fragment:
                assert target.fragment in pages[target.path].ids, f"{path}: {each}"
    assert len(pages) > 50
    assert [client.get(each).status_code in {200, 302} for each in elsewhere] == [True] * len(
        elsewhere
    )


@pytest.mark.parametrize("slug", guides.SLUGS)
def test_a_guide_is_one_page_with_one_title(slug: str) -> None:
    text = Client().get(reverse("guide", args=[slug])).text
    assert text.count("<h1") == 1
    assert ".md" not in re.sub(r"<code>.*?</code>|<pre.*?</pre>", "", text, flags=re.DOTALL)


def test_a_guide_for_partners_has_the_readers_host() -> None:
    text = Client(HTTP_HOST="localhost:8123").get("/docs/guides/partners").text
    assert "API=http://localhost:8123" in text
    assert "127.0.0.1:8000" not in text


@pytest.mark.parametrize("slug", ["README", "architecture", "nothing", "adr"])
def test_other_files_are_not_served(slug: str) -> None:
    assert Client().get(f"/docs/guides/{slug}").status_code == 404


def found(query: str) -> list[str]:
    """Return the addresses that a search leads to."""
    text = Client().get("/docs/search", {"q": query}).text
    return re.findall(r'<li><a href="([^"]*)">', text.partition("docs-hits")[2])


def test_a_search_finds_operations_problems_and_sections_of_guides() -> None:
    assert found("If-Match")
    assert "/docs/problems/conflict" in found("place_taken")
    assert "/docs/guides/settings#settings" in found("hold_max_seconds")
    assert found("Holds")[0] == "/docs/guides/api#holds"
    assert "/docs/reference/create_booking" in found("create booking")


@pytest.mark.parametrize("query", ["", " ", "xyzzy", "\0", "<b>", "🦷" * 5000, "(", "%"])
def test_a_search_without_result_is_a_page_too(query: str) -> None:
    answer = Client().get("/docs/search", {"q": query})
    assert answer.status_code == 200
    assert "<b><b>" not in answer.text


def first_calls(text: str) -> str:
    """Return the first calls of a page, as somebody copies them."""
    (shown,) = re.findall(r'is-wrapped"><pre[^>]*><code>(.*?)</code>', text, re.DOTALL)
    return str(shown).replace("&quot;", '"').replace("&amp;", "&")


@pytest.mark.parametrize("path", ["/", "/docs/"])
def test_the_first_calls_work_as_they_stand(path: str, server: Server, tmp_path: Path) -> None:
    shown = first_calls(server.call("GET", path, key="").body.decode())
    lines = shown.replace("OPENCHAIR_KEY=oc_…", f"OPENCHAIR_KEY={server.key}").splitlines()
    assert len(lines) == 3
    ran = run_in_bash([f"{each}\n" for each in lines], tmp_path, {"PATH": os.environ["PATH"]})
    assert [each.statuses for each in ran] == [[], [200], [200]]
    assert "Acme Orthodontic Group" in ran[1].out
    assert '"status":"open"' in ran[2].out


def test_no_id_of_a_practice_is_shown_but_the_demos(scene: Scene) -> None:
    for path in ("/", "/docs/"):
        text = Client().get(path).text
        assert "LOCATION_ID" in text
        assert scene.location.pk not in text
        assert scene.practice.name not in text


def test_an_empty_installation_says_what_the_operator_does_first() -> None:
    told = "This installation has no practice yet"
    assert told in Client().get("/").text
    practice()
    assert told not in Client().get("/").text


@pytest.mark.parametrize("path", ["/", "/docs/", "/docs/guides/admin", "/docs/reference/"])
def test_a_page_is_light_where_nothing_is_tried(path: str) -> None:
    answer = Client().get(path)
    assert len(answer.content) < 60_000
    assert "swagger" not in answer.text


def test_an_error_leads_on_and_tells_the_number_of_the_request() -> None:
    answer = Client().get("/nothing-here")
    assert answer["X-Request-ID"] in answer.text
    page = _Page(answer.text)
    assert {reverse("index"), reverse("docs"), reverse("admin:index")} <= set(page.addresses)


def test_what_a_search_finds_is_shown_in_whole_words_and_without_markup() -> None:
    text = Client().get("/docs/search", {"q": "hold_expired"}).text
    (shown,) = re.findall(r">409 [^<]*</a>.*?<br>(.*?)</li>", text)
    assert "code&gt;" not in shown
    (entry,) = [each.entry for each in search.find("hold_expired") if "409" in each.entry.title]
    assert set(html.unescape(shown).strip("… ").split()) <= set(entry.text.replace("`", "").split())


def test_a_heading_is_not_told_again_as_the_first_words_below_it() -> None:
    hit, *_ = [
        each
        for each in search.find("a patient takes a place")
        if each.entry.title == "A patient takes a place"
    ]
    assert not hit.excerpt.startswith(hit.entry.title)


def test_a_cell_of_a_wide_table_is_named_on_a_phone() -> None:
    page = Client().get("/docs/guides/settings").text
    row = page.partition("<code>HOLD_SECONDS")[2].partition("</tr>")[0]
    assert re.findall(r'data-label="([^"]*)"', row) == ["default", "what it is", "refused"]
    assert "data-label" not in Client().get("/docs/guides/logins").text
