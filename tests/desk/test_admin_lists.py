"""The lists of Django's admin: look-ups in the address, and what is logged of them."""

import logging
from typing import Any
from urllib.parse import urlencode

import pytest
from django.contrib import admin
from django.db import IntegrityError
from django.test import Client

from openchair.serving import logs
from practices.scoping import ScopedAdmin
from tests.conftest import only_once
from tests.desk.world import House, browser, person

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


def test_no_value_of_a_look_up_breaks_a_list(operator: Client) -> None:
    """Each key with two values; each value with each kind of field and look-up."""
    asked, tried = 0, set[tuple[str, str]]()
    for path, made in lists():
        filters = {item for item in made.list_filter if isinstance(item, str)}
        keys = set(filters) | {f"{name}__{how}" for name in filters for how in TAKEN}
        keys |= {f"{name}__pk__{how}" for name in filters for how in TAKEN}
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


def test_refused_look_ups_are_not_logged_and_bugs_are(
    operator: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    operator.get("/admin/practices/doctor/?id__regex=(")
    operator.get("/admin/practices/doctor/nothing/change/")
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
