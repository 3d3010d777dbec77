"""Tenant isolation of the admin: a crawl of every URL for another practice's data."""

import logging
import re
from collections import Counter
from collections.abc import Callable, Iterator
from html import unescape
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.contrib.sessions.models import Session
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from bookings.desk import calls
from bookings.desk.desk import version
from bookings.models import Appointment, Booking, Call, Event
from openchair.operations.checks import registered_models_are_scoped
from practices.models import Doctor, Kind, Membership
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, User, browser, person
from tests.factories import NOON

pytestmark = only_once_on_sqlite

LINK = re.compile(r'(?:href|action|src)="([^"]+)"')
# What differs between two answers of the same page.
CHANGES = re.compile(r'(csrfmiddlewaretoken" value|name="once" value)="[^"]*"')


@pytest.fixture
def mine(clock: Any, db: None) -> House:
    """Make the practice of the person who is logged in."""
    return House("Quillon", Kind.RANGE)


@pytest.fixture
def other(clock: Any, db: None) -> House:
    """Make another practice, with names that stand out."""
    return House("Zyxwvut", Kind.RANGE)


@pytest.fixture
def staff(mine: House, other: House) -> Client:
    """Return a client logged in for the first practice alone."""
    return browser(mine.staff)


def patterns(resolver: URLResolver, before: str = "") -> Iterator[str]:
    """List every URL below a resolver, with <names> for its arguments."""
    for entry in resolver.url_patterns:
        route = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            yield from patterns(entry, route)
        elif isinstance(entry, URLPattern):
            yield route


def admin_patterns() -> list[str]:
    """List every URL of the admin."""
    root = get_resolver()
    (under,) = [e for e in root.url_patterns if str(e.pattern) == "admin/"]
    assert isinstance(under, URLResolver)
    return [f"/admin/{route}" for route in patterns(under)]


def filled(mine: House, other: House) -> Iterator[str]:
    """Fill a URL with the other practice's ids, and with one id of one's own each way."""
    of_other = {model._meta.label_lower: row.pk for model, row in other.rows().items()}
    of_mine = {model._meta.label_lower: row.pk for model, row in mine.rows().items()}
    for house, ids in ((other, of_other), (mine, of_mine)):
        calls.ask([house.appointment], user_id=house.staff.pk, now=NOON)
        ids["bookings.call"] = Call.objects.get(practice=house.practice).pk
    for route in admin_patterns():
        if "(?P<url>" in route:
            yield "/admin/there/is/nothing/"
            continue
        if "(?P<app_label>" in route:
            yield from (f"/admin/{app}/" for app in ("practices", "bookings", "auth", "api"))
            continue
        model = re.match(r"/admin/(\w+)/(\w+)/", route)
        label = f"{model[1]}.{model[2]}" if model else ""
        for ids, practice in ((of_other, other), (of_mine, other), (of_other, mine)):
            keys = {
                "practice_id": practice.practice.pk,
                "booking_id": ids["bookings.booking"],
                "appointment_id": ids["bookings.appointment"],
                "call_id": ids["bookings.call"],
                "partner_id": ids["practices.partner"],
                "key_id": ids["practices.apikey"],
                "object_id": ids.get(label, "nothing"),
                "id": ids.get(label, "nothing"),
            }
            names = re.findall(r"<(?:\w+:)?(\w+)>", route)
            yield re.sub(r"<[^>]+>", "{}", route).format(*(keys[name] for name in names))


def queries(other: House) -> Iterator[str]:
    """List query strings that widen lists elsewhere."""
    yield ""
    yield "?_popup=1"
    yield f"?_popup=1&_to_field=id&_changelist_filters=practice__id__exact%3D{other.practice.pk}"
    yield "?_facets=True&all="
    yield f"?practice__id__exact={other.practice.pk}"
    yield "?practice__name__startswith=Z"
    yield f"?location__id__exact={other.location.pk}&doctor__id__exact={other.doctor.pk}"
    yield "?partner__name__contains=yx"
    yield "?user__username__startswith=z"
    yield "?booking__practice__name__startswith=Z"
    yield "?api_key__digest__startswith=a"
    yield "?events__user__password__startswith=p"
    yield "?o=1.-2.3&p=0"
    yield "?start_datetime__year=2026"
    yield f"?location={other.location.pk}&doctor={other.doctor.pk}&view=week&status=booked"


def lists() -> list[str]:
    """List the changelists of all registered models."""
    return [
        f"/admin/{model._meta.app_label}/{model._meta.model_name}/"
        for model in admin.site._registry
    ]


def sort_of(address: str) -> str:
    """Return what sort of page this is: its path, and the query's names without values."""
    parts = urlsplit(address)
    asked = sorted(parse_qs(parts.query, keep_blank_values=True))
    return f"{parts.path}?{','.join(asked)}"


def links(page: str, body: str) -> set[str]:
    """Return the admin's URLs that a page links to."""
    found = {urljoin(page, unescape(link)) for link in LINK.findall(body)}
    return {link for link in found if urlsplit(link).path.startswith("/admin/")}


def leaks(response: Any, other: House, asked: str) -> list[str]:
    """Return the other practice's words that an answer has and the request had not."""
    said = response.content.decode() + str(response.headers) + str(response.cookies)
    return [
        word for word in other.secrets() if word in said.replace(asked, "") and word not in asked
    ]


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
    start |= {mine.address("board/") + query for query in queries(other)}
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
    assert other.word in client.get(other.address("board/?day=2026-06-02")).content.decode()


@pytest.mark.parametrize("who", ["staff of one practice", "staff of no practice"])
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


@pytest.mark.parametrize("query", ["?q={}", "?practice__name__startswith={}", "?partner={}"])
def test_a_list_answers_for_another_practices_name_as_for_nonsense(
    query: str, mine: House, other: House, staff: Client
) -> None:
    for path in lists():
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


@pytest.mark.parametrize("across", ["0", "1"])
def test_an_export_of_anothers_rows_has_none_of_them(
    across: str, mine: House, other: House, staff: Client
) -> None:
    chosen = [other.booking.pk, mine.booking.pk]
    response = staff.post(
        "/admin/bookings/booking/",
        {"action": "as_csv", "_selected_action": chosen, "select_across": across, "index": "0"},
    )
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/csv")
    said = response.content.decode()
    assert mine.booking.pk in said
    assert other.word not in said


def test_deleting_is_no_action_of_staff(mine: House, other: House, staff: Client) -> None:
    for path in lists():
        staff.post(path, {"action": "delete_selected", "_selected_action": ["1"], "post": "yes"})
    for model, row in {**mine.rows(), **other.rows()}.items():
        assert model._default_manager.filter(pk=row.pk).exists()


def test_a_form_takes_nothing_of_another_practice(mine: House, other: House, staff: Client) -> None:
    add = {"name": "Dr. New", "practice": other.practice.pk, "locations": []}
    refused = staff.post("/admin/practices/doctor/add/", add)
    assert refused.status_code == 200
    assert not Doctor.objects.filter(name="Dr. New").exists()
    change = f"/admin/practices/doctor/{mine.doctor.pk}/change/"
    refused = staff.post(change, {"name": "Dr. Q", "locations": [other.location.pk]})
    assert refused.status_code == 200
    assert mine.doctor.locations.get() == mine.location
    staff.post(change, {"name": "Dr. Q", "practice": other.practice.pk, "locations": []})
    mine.doctor.refresh_from_db()
    assert mine.doctor.practice == mine.practice
    change = f"/admin/practices/location/{mine.location.pk}/change/"
    values = {"name": "Moved", "practice": other.practice.pk, "timezone": "Asia/Tokyo"}
    assert staff.post(change, values).status_code == 302
    mine.location.refresh_from_db()
    assert (mine.location.name, mine.location.practice) == ("Moved", mine.practice)
    assert mine.location.timezone == "America/New_York"


def test_an_id_that_another_practice_has_is_not_told(
    mine: House, other: House, staff: Client
) -> None:
    add = {"id": other.doctor.pk, "name": "Dr. New", "practice": mine.practice.pk}
    assert staff.post("/admin/practices/doctor/add/", add).status_code == 302
    assert Doctor.objects.get(name="Dr. New").pk != other.doctor.pk


def test_an_operator_cannot_mix_practices_up(mine: House, other: House) -> None:
    client = browser(person("operator", is_superuser=True))
    refused = client.post(
        f"/admin/practices/doctor/{mine.doctor.pk}/change/",
        {"name": "Dr. Q", "locations": [other.location.pk]},
    )
    assert "Choose locations of the same practice" in refused.content.decode()
    assert mine.doctor.locations.get() == mine.location


def test_no_post_to_the_desk_touches_another_practice(
    mine: House, other: House, staff: Client
) -> None:
    before = _everything(other)
    bodies = [
        {"do": do, "seen": seen, "start": "2026-06-02T10:00"}
        for do in ("hold", "release", "book", "close", "booked", "publish")
        for seen in ("open", "booked", "reserved", "pending")
    ]
    values = {
        "location": other.location.pk,
        "doctor": other.doctor.pk,
        "start": "2026-06-04T10:00",
        "length": 30,
        "places": 1,
        "seen": version(other.booking),
        "weekdays": ["0"],
        "times": "9",
        "first": "2026-06-01",
        "last": "2026-06-30",
        "opening": [other.booking.pk],
        "first_name": "A",
        "last_name": "B",
        "phone": "555 555 5555",
        "then": other.booking.pk,
        "attendance": "kept",
        "status": "reserved",
    }
    sent = 0
    for path in {path for path in filled(mine, other) if path.startswith("/admin/desk/")}:
        own = path.startswith(mine.address("")) and other.word not in path
        if own and other.appointment.pk not in path and "publish" not in path and "new" not in path:
            continue
        for body in [*bodies, values, {**values, "do": "publish"}, {**values, "do": "close"}]:
            response = staff.post(path, body)
            sent += 1
            assert response.status_code in {200, 400, 404, 405}, path
            assert not leaks(response, other, str(values)), path
    assert sent > 500
    assert _everything(other) == before


def test_an_opening_of_ones_own_is_not_moved_into_another_practice(
    mine: House, other: House, staff: Client
) -> None:
    values = {
        "location": other.location.pk,
        "doctor": other.doctor.pk,
        "start": "2026-06-04T10:00",
        "length": 30,
        "places": 3,
        "seen": version(mine.booking),
    }
    refused = staff.post(mine.address(f"opening/{mine.booking.pk}/edit/"), values)
    assert refused.status_code == 400
    mine.booking.refresh_from_db()
    assert mine.booking.practice == mine.practice


@pytest.mark.parametrize("query", ["?like={}", "?then={}"])
def test_another_practices_visit_prefills_no_form(
    query: str, mine: House, other: House, staff: Client
) -> None:
    opening = mine.address(f"opening/{mine.booking.pk}/")
    answers = [staff.get(opening + query.format(pk)) for pk in (other.appointment.pk, "x" * 10)]
    assert answers[0].status_code == answers[1].status_code
    for answer, asked in zip(answers, (other.appointment.pk, "x" * 10), strict=True):
        assert not leaks(answer, other, asked)


def _everything(house: House) -> list[Any]:
    rows = [
        list(Booking.objects.filter(practice=house.practice).order_by("pk").values()),
        list(Appointment.objects.filter(booking__practice=house.practice).order_by("pk").values()),
    ]
    return [*rows, Event.objects.filter(practice=house.practice).count()]


@pytest.mark.parametrize(
    "path", ["auth/user/{me}/change/", "auth/user/add/", "practices/membership/add/"]
)
def test_staff_cannot_raise_their_own_rights(
    path: str, mine: House, other: House, staff: Client
) -> None:
    values = {
        "username": "raised",
        "password1": "a long pass phrase 2",
        "password2": "a long pass phrase 2",
        "is_superuser": "on",
        "is_active": "on",
        "user": mine.staff.pk,
        "practice": other.practice.pk,
    }
    response = staff.post("/admin/" + path.format(me=mine.staff.pk), values)
    assert response.status_code in {302, 403}
    mine.staff.refresh_from_db()
    assert not mine.staff.is_superuser
    assert User.objects.filter(is_superuser=True).count() == 0
    assert Membership.objects.get(user=mine.staff).practice == mine.practice


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
    assert set(admin.site._registry) == set(other.rows()), "plant a row of it in House.rows()"


@pytest.mark.parametrize("model", [LogEntry, Session])
def test_a_model_registered_without_scope_is_an_error(model: type) -> None:
    admin.site.register(model)
    try:
        (error,) = registered_models_are_scoped()
        assert "not scoped" in error.msg
    finally:
        admin.site.unregister(model)
