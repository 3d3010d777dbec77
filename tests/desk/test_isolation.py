"""Tenant isolation of the admin: a crawl of every URL for another practice's data."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from html import unescape
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.test import Client

from openchair.operations.checks import registered_models_are_scoped
from practices.models import Membership
from tests.conftest import only_once_on_sqlite
from tests.desk.addresses import DESK_LISTS, filled, leaks, lists
from tests.desk.world import House, User, browser, person

pytestmark = only_once_on_sqlite

LINK = re.compile(r'(?:href|action|src)="([^"]+)"')
# What differs between two answers of the same page.
CHANGES = re.compile(
    r'(?:csrfmiddlewaretoken" value|name="once" value)="[^"]*"|request number: <code>\w+'
)


def queries(other: House) -> Iterator[str]:
    """List query strings that widen lists elsewhere."""
    yield ""
    yield "?_popup=1"
    yield f"?_popup=1&_to_field=id&_changelist_filters=practice__id__exact%3D{other.practice.pk}"
    yield "?_facets=True&all="
    yield f"?practice__id__exact={other.practice.pk}"
    yield "?practice__name__startswith=Z"
    yield "?partner__name__contains=yx"
    yield "?user__username__startswith=z"
    yield "?api_key__digest__startswith=a"
    yield "?o=1.-2.3&p=0"
    yield f"?location={other.location.pk}&doctor={other.doctor.pk}&view=week&status=booked"


def sort_of(address: str) -> str:
    """Return what sort of page this is: its path, and the query's names without values."""
    parts = urlsplit(address)
    asked = sorted(parse_qs(parts.query, keep_blank_values=True))
    return f"{parts.path}?{','.join(asked)}"


def links(page: str, body: str) -> set[str]:
    """Return the admin's URLs that a page links to."""
    found = {urljoin(page, unescape(link)) for link in LINK.findall(body)}
    return {link for link in found if urlsplit(link).path.startswith("/admin/")}


def crawl(client: Client, other: House, start: set[str], *, of_each: int) -> Counter[str]:
    """Follow every link from these URLs, and look for the other practice in every answer.

    of_each: how many pages of a sort; days, sort orders and filters have no end.
    """
    queue, seen = sorted(start), set(start)
    counted, sorts = Counter[str](), Counter[str]()
    while queue:
        address = queue.pop()
        if urlsplit(address).path.endswith("/logout/"):
            continue
        response = client.get(address)
        counted["pages"] += 1
        counted[str(response.status_code)] += 1
        assert response.status_code < 500, address
        assert not leaks(response, other, unescape(address)), address
        if response.headers.get("Content-Type", "").startswith("text/html"):
            new = links(address, response.content.decode()) - seen
            seen |= new
            for link in sorted(new):
                sorts[sort_of(link)] += 1
                if sorts[sort_of(link)] <= of_each:
                    queue.append(link)
    return counted


PEOPLE: dict[str, Callable[[House], Client]] = {
    "staff of one practice": lambda house: browser(house.staff),
    "staff of no practice": lambda house: browser(person("newcomer")),
    "former staff": lambda house: browser(person("gone", house.practice, is_active=False)),
    "no staff": lambda house: browser(person("patient", is_staff=False)),
    "nobody": lambda house: Client(headers={"host": "localhost"}),
}


@pytest.mark.parametrize("of_each", [1, pytest.param(3, marks=pytest.mark.nightly)])
@pytest.mark.parametrize("who", PEOPLE)
def test_no_page_shows_another_practice(who: str, of_each: int, mine: House, other: House) -> None:
    client = PEOPLE[who](mine)
    start = {path for path in filled(mine, other) if other.word not in path}
    start |= {path + query for path in lists() for query in queries(other)}
    start |= {
        mine.address(page) + query for page in ("board/", *DESK_LISTS) for query in queries(other)
    }
    for day in ("2026-06-02", "2026-06-03"):
        start |= {mine.address(f"board/?day={day}&view={view}") for view in ("day", "week")}
    counted = crawl(client, other, start | {"/admin/"}, of_each=of_each)
    logging.getLogger(__name__).info("%s: %s", who, dict(counted))
    assert counted["pages"] > 250


def test_the_crawl_would_see_another_practice(mine: House, other: House) -> None:
    """An operator sees the words on these very pages."""
    client = browser(person("operator", is_superuser=True))
    for path in lists():
        assert other.word.lower() in client.get(path).content.decode().lower(), path
    for page in ("board/?day=2026-06-02", *DESK_LISTS):
        assert other.word in client.get(other.address(page)).content.decode(), page


@pytest.mark.parametrize(
    "who",
    [
        "staff of one practice",
        pytest.param("staff of no practice", marks=pytest.mark.nightly),
    ],
)
def test_another_practices_ids_are_told_from_nothing_by_no_address(
    who: str, mine: House, other: House
) -> None:
    client = PEOPLE[who](mine)
    asked = {
        path for path in filled(mine, other) if other.word in path or other.appointment.pk in path
    }
    assert len(asked) > 30
    for path in asked:
        nowhere = path
        for word in (other.word, other.appointment.pk):
            nowhere = nowhere.replace(word, "x" * len(word))
        for send in (client.get, client.post):
            answers = [send(path), send(nowhere)]
            assert answers[0].status_code == answers[1].status_code, path
            said = [
                CHANGES.sub("", answer.content.decode() + str(answer.headers.get("Location")))
                for answer in answers
            ]
            for word in (other.word, other.appointment.pk):
                said[0] = said[0].replace(word, "x" * len(word))
            assert said[0] == said[1], path
            followed = [client.get("/admin/password_change/").content.decode() for _ in range(2)]
            assert other.word not in followed[1]


@pytest.mark.parametrize(
    "query", ["?q={}", "?practice__name__startswith={}", "?doctor={}D", "?by={}"]
)
def test_a_list_answers_for_another_practices_name_as_for_nonsense(
    query: str, mine: House, other: House, staff: Client
) -> None:
    for path in [*lists(), *map(mine.address, DESK_LISTS)]:
        answers = [
            staff.get(path + query.format(word)) for word in (other.word, "x" * len(other.word))
        ]
        assert answers[0].status_code == answers[1].status_code, path
        bodies = [CHANGES.sub("", answer.content.decode()) for answer in answers]
        assert bodies[0].replace(other.word, "x" * len(other.word)) == bodies[1], path


def test_autocomplete_finds_nothing_of_another_practice(other: House, staff: Client) -> None:
    asked = 0
    for model in apps.get_models():
        for field in model._meta.get_fields():
            response = staff.get(
                "/admin/autocomplete/",
                {
                    "app_label": str(model._meta.app_label),
                    "model_name": str(model._meta.model_name),
                    "field_name": field.name,
                    "term": "",
                },
            )
            asked += 1
            assert response.status_code in {200, 403, 404}
            assert not leaks(response, other, "")
    assert asked > 80


def test_what_django_answers_by_content_type_is_shut(mine: House, staff: Client) -> None:
    for row in mine.rows().values():
        kind = ContentType.objects.get_for_model(row)
        assert staff.get(f"/admin/r/{kind.pk}/{row.pk}/").status_code == 404


@pytest.mark.parametrize("query", ["?like={}", "?then={}"])
def test_another_practices_visit_prefills_no_form(
    query: str, mine: House, other: House, staff: Client
) -> None:
    opening = mine.address(f"opening/{mine.booking.pk}/")
    answers = [staff.get(opening + query.format(pk)) for pk in (other.appointment.pk, "x" * 10)]
    assert answers[0].status_code == answers[1].status_code
    for answer, asked in zip(answers, (other.appointment.pk, "x" * 10), strict=True):
        assert not leaks(answer, other, asked)


def test_operators_pages_are_shut_to_staff(mine: House, other: House, staff: Client) -> None:
    for house in (mine, other):
        for page in ("", "issue/", f"{house.key.pk}/revoke/", f"{house.key.pk}/replace/"):
            path = f"/admin/partners/{house.partner.pk}/keys/{page}"
            assert staff.get(path).status_code == 403
            assert staff.post(path, {"hours": 1, "once": "x"}).status_code == 403
        assert house.partner.keys.count() == 1
        key = house.partner.keys.get()
        assert (key.revoked_at, key.expires_at) == (None, None)


def test_who_is_switched_off_or_leaves_sees_nothing_at_the_next_click(
    mine: House, other: House, staff: Client
) -> None:
    assert staff.get(mine.address("board/")).status_code == 200
    Membership.objects.filter(user=mine.staff).delete()
    assert staff.get(mine.address("board/")).status_code == 404
    User.objects.filter(pk=mine.staff.pk).update(is_active=False)
    assert staff.get("/admin/").status_code == 302


def test_every_registered_model_is_scoped_and_has_planted_rows(other: House) -> None:
    assert list(registered_models_are_scoped()) == []
    assert set(admin.site._registry) <= set(other.rows()), "plant a row of it in House.rows()"


@pytest.mark.parametrize("model", [LogEntry, Session])
def test_a_model_registered_without_scope_is_an_error(model: type) -> None:
    admin.site.register(model)
    try:
        (error,) = registered_models_are_scoped()
        assert "not scoped" in error.msg
    finally:
        admin.site.unregister(model)
