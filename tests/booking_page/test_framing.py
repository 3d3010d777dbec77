"""Who may show a booking page in a frame, and the two scripts that are for that."""

import re
from urllib.parse import urlsplit

import pytest
from django.test import Client

from practices.models import BookingPage
from tests.booking_page.journey import Browser
from tests.conftest import only_once_on_sqlite
from tests.factories import Scene

pytestmark = [pytest.mark.django_db, only_once_on_sqlite]

SITE = "https://www.practice.example"


def ancestors(path: str) -> tuple[str, str | None]:
    """Return what frame-ancestors allows at an address, and X-Frame-Options."""
    answer = Client(headers={"host": "localhost"}).get(path)
    directives = dict(each.split(" ", 1) for each in answer["Content-Security-Policy"].split("; "))
    return directives["frame-ancestors"], answer.headers.get("X-Frame-Options")


@pytest.fixture
def book(scene: Scene) -> str:
    BookingPage.objects.create(practice=scene.practice, active=True, origins=SITE)
    return f"/book/{scene.practice.pk}"


def test_only_the_sites_that_a_practice_names_may_frame_its_page(book: str) -> None:
    page = BookingPage.objects.all()
    assert ancestors(book) == ancestors(f"/es{book}") == (SITE, None)
    page.update(origins=f"{SITE}\n{SITE}:8443")
    assert ancestors(book) == (f"{SITE} {SITE}:8443", None)
    page.update(origins="")
    assert ancestors(book) == ("'none'", "DENY")


def test_a_page_that_only_says_what_to_do_is_shown_in_the_frame_too(book: str) -> None:
    assert ancestors(f"{book}?state=nonsense") == (SITE, None)
    BookingPage.objects.update(active=False)
    assert ancestors(book) == (SITE, None)


def test_a_failure_is_not_a_blank_frame(book: str) -> None:
    too_many = "&a" * 1001
    assert ancestors(f"{book}?{too_many}") == ("*", None)
    assert ancestors(f"/visit/nothing?{too_many}") == ("'none'", "DENY")


@pytest.mark.parametrize("path", ["/", "/admin/", "/docs/", "/book/nobody", "/visit/nothing"])
def test_nothing_else_is_ever_framed(path: str, book: str) -> None:
    assert ancestors(path) == ("'none'", "DENY")


def test_the_page_has_the_script_for_its_frame_where_a_site_is_named(book: str) -> None:
    script = f'data-origins="{SITE}" data-page="book"'
    assert script in Client().get(book).text
    BookingPage.objects.update(origins="")
    assert "book-frame.js" not in Client().get(book).text


def test_in_a_frame_the_page_is_as_light_as_most_sites_around_it(book: str) -> None:
    light = '<html lang="en" class="is-framed">'
    assert light in Client().get(book, headers={"Sec-Fetch-Dest": "iframe"}).text
    assert light not in Client().get(book, headers={"Sec-Fetch-Dest": "document"}).text


def test_the_script_for_a_practices_site_is_small_and_kept(db: None) -> None:
    answer = Client().get("/book/embed.js")
    assert answer["Content-Type"].startswith("text/javascript")
    assert len(answer.content) <= 2048
    assert "max-age=86400" in answer["Cache-Control"]
    again = Client().get("/book/embed.js", headers={"If-None-Match": answer["ETag"]})
    assert again.status_code == 304
    assert not answer.cookies


def test_the_last_page_leads_out_of_the_frame(scene: Scene) -> None:
    scene.booking()
    browser = Browser(scene).book()
    BookingPage.objects.update(after_url=f"{SITE}/thanks")
    last = Client().get(browser.url, headers={"Sec-Fetch-Dest": "iframe"}).text
    leads = re.findall(r'href="([^"]*)" target="_top"', last)
    assert [urlsplit(each).path.split("/")[1] for each in leads] == ["visit", "visit", "thanks"]
    assert "its address shows your visit" not in last  # which nobody sees in a frame
