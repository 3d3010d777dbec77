"""The admin's changelists: look-ups in the address, and formats of times."""

import logging
from datetime import timedelta
from itertools import product
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.db import IntegrityError
from django.test import Client
from time_machine import Traveller

from bookings.models import Appointment, Booking, Event
from openchair.serving import logs
from practices.scoping import ScopedAdmin
from tests.conftest import only_once
from tests.desk.world import House, browser, person
from tests.factories import NOON

pytestmark = only_once

ODD = [
    "",
    "(",
    "[",
    "0",
    "9999",
    "9" * 30,
    "9" * 5000,
    "9999-12-31T23:59:59-14:00",
    "0001-01-01T00:00:00+14:00",
    "\x00",
    "a,b",
]
REFUSED = ["regex", "iregex", "range", "contains", "startswith", "gt", "week_day", "date__year"]
TAKEN = ["exact", "isnull", "in", "exact__exact", "isnull__in"]
DATES = ["year", "month", "day", "gte", "lt"]


@pytest.fixture
def operator(house: House) -> Client:
    return browser(person("operator", is_superuser=True))


def lists() -> list[tuple[str, ScopedAdmin]]:
    """List the changelists of all registered models: URL and ModelAdmin."""
    return [
        (f"/admin/{model._meta.app_label}/{model._meta.model_name}/", made)
        for model, made in admin.site._registry.items()
        if isinstance(made, ScopedAdmin)
    ]


@pytest.mark.filterwarnings("ignore:.*naive datetime:RuntimeWarning")
def test_no_value_of_a_look_up_breaks_a_list(operator: Client) -> None:
    """Each key with two values; each value with each kind of field and look-up."""
    asked, tried = 0, set[tuple[str, str]]()
    for path, made in lists():
        filters = {item for item in made.list_filter if isinstance(item, str)}
        keys = set(filters) | {f"{name}__{how}" for name in filters for how in TAKEN}
        keys |= {f"{name}__pk__{how}" for name in filters for how in TAKEN}
        if made.date_hierarchy:
            keys |= {f"{made.date_hierarchy}__{how}" for how in DATES}
        for turn, key in enumerate(sorted(keys)):
            name, _, how = key.partition("__")
            kind = made.opts.get_field(name).get_internal_type()
            for number in range(len(ODD)):
                value = ODD[(turn + number) % len(ODD)]
                pairs = {(kind, value), (how, value)}
                if number >= 2 and pairs <= tried:
                    continue
                tried |= pairs
                flag = "&e=1" if number % 2 else ""  # as after Django has led back
                response = operator.get(f"{path}?{urlencode({key: value})}{flag}")
                asked += 1
                assert response.status_code in {200, 302, 400, 404}, (path, key, value)
    assert asked > 100


ODD_DATES = {
    "year": ["", "0", "1", "2026", "9999", "99999999"],
    "month": ["", "x", "0", "12", "13"],
    "day": ["", "x", "0", "31", "99"],
}


@pytest.mark.parametrize("left_out", ["", *ODD_DATES])
def test_no_date_breaks_a_list(left_out: str, operator: Client) -> None:
    parts = {f"start_datetime__{part}": odd for part, odd in ODD_DATES.items() if part != left_out}
    for values in product(*parts.values()):
        query = dict(zip(parts, values, strict=True))
        response = operator.get(f"/admin/bookings/booking/?{urlencode(query)}")
        assert response.status_code in {200, 302, 400}, query


def test_a_look_up_that_no_filter_makes_is_refused(operator: Client) -> None:
    asked = 0
    for path, made in lists():
        for field in made.opts.get_fields():
            for how in REFUSED:
                for value in ("(a+)+$",):
                    response = operator.get(f"{path}?{urlencode({f'{field.name}__{how}': value})}")
                    asked += 1
                    assert response.status_code == 400, (path, field.name, how)
        for key in ("pk", "pk__in", "nonsense", "nonsense__exact", "__", "id__regex"):
            assert operator.get(f"{path}?{urlencode({key: '1'})}").status_code == 400, (path, key)
    assert asked > 300


@pytest.mark.parametrize(
    "query",
    [
        "status__exact=open",
        "status__in=open,booked",
        "location__id__exact=QuillonL",
        "doctor__isnull=0",
        "recurring__exact=0",
        "start_datetime__year=2026&start_datetime__month=6&start_datetime__day=2",
        "start_datetime__gte=2026-06-02T00:00:00Z&start_datetime__lt=2026-06-03T00:00:00Z",
    ],
)
def test_what_a_lists_own_filters_ask_is_answered(
    query: str, house: House, operator: Client
) -> None:
    listed = operator.get(f"/admin/bookings/booking/?{query}")
    assert listed.status_code == 200
    assert listed.context["cl"].result_count >= 1


def test_refused_look_ups_are_not_logged_and_bugs_are(
    operator: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    operator.get("/admin/bookings/booking/?id__regex=(")
    operator.get("/admin/bookings/booking/nothing/change/")
    assert [r for r in caplog.records if r.levelno >= logging.WARNING] == []
    operator.raise_request_exception = False

    def bug(*_: Any) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(ScopedAdmin, "get_queryset", bug)
    assert operator.get("/admin/practices/doctor/").status_code == 500
    assert "a bug" in caplog.text


def test_the_log_of_a_bug_does_not_repeat_a_row(
    operator: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    operator.raise_request_exception = False
    row = "Failing row contains (Quillette)"

    def refused(*_: Any) -> None:
        try:
            raise IntegrityError(row)
        except IntegrityError as error:
            raise RuntimeError(row) from error

    monkeypatch.setattr(ScopedAdmin, "get_queryset", refused)
    assert operator.get("/admin/practices/doctor/").status_code == 500
    written = "".join(map(logs.formatter("text").format, caplog.records))
    assert written.index("IntegrityError") < written.index("RuntimeError")
    assert "Quillette" not in written


@pytest.mark.parametrize("path", ["bookings/event/", "bookings/appointment/"])
def test_times_are_on_the_offices_clock_and_named(
    path: str, house: House, operator: Client
) -> None:
    page = operator.get(f"/admin/{path}").content.decode()
    assert "Mon, Jun 1, 2026, 12:00 PM, New York time (EDT)" in page


@pytest.mark.parametrize(
    ("path", "model", "column", "by"),
    [
        ("bookings/event/", Event, 1, "at"),
        ("bookings/appointment/", Appointment, 7, "created_at"),
    ],
)
def test_times_are_ordered_as_instants(
    path: str, model: Any, column: int, by: str, house: House, operator: Client
) -> None:
    house.patient(house.publish("N"), now=NOON - timedelta(hours=1))
    for sign in ("", "-"):
        rows = operator.get(f"/admin/{path}?o={sign}{column}").context["cl"].result_list
        times = [getattr(row, by) for row in rows]
        assert times == sorted(times, reverse=bool(sign))
        assert len(times) == model.objects.count() > 1


def test_more_rows_need_no_more_queries(
    house: House, operator: Client, django_assert_max_num_queries: Any
) -> None:
    for path in ("bookings/event/", "bookings/appointment/"):
        operator.get(f"/admin/{path}")
    counts = []
    for _ in range(2):
        counted = []
        for path in ("bookings/event/", "bookings/appointment/"):
            with django_assert_max_num_queries(99) as asked:
                operator.get(f"/admin/{path}")
            counted.append(len(asked))
        counts.append(counted)
        for letter in "NM":
            house.patient(house.publish(f"{letter}{len(counts)}"))
    assert counts[0] == counts[1]


def test_weeks_that_a_list_makes_are_made_at_a_whole_millisecond(
    house: House, clock: Traveller
) -> None:
    clock.shift(timedelta(weeks=2, microseconds=123_456))
    browser(house.staff).get("/admin/bookings/booking/")
    made = Booking.objects.latest("created_at").created_at
    assert made - NOON == timedelta(weeks=2, milliseconds=123)
