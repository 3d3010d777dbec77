"""A calendar that looks again: 304, what it costs, and who is recorded as reading."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.models import Access, ActorKind
from bookings.scheduling import appointments
from bookings.scheduling.actors import PATIENT
from practices.models import CalendarSettings, Doctor, Kind
from tests.calendars.conftest import Reader
from tests.calendars.test_entries import edit, take
from tests.desk.world import browser
from tests.factories import NOON, Scene, doctor


def test_it_is_not_sent_again_until_something_in_it_changes(reader: Reader, clock: Any) -> None:
    opening = reader.scene.booking()
    tag = reader.ask().headers["ETag"]

    def look() -> int:
        nonlocal tag
        answer = reader.ask(If_None_Match=f'"x", W/{tag}')
        tag = answer.headers["ETag"]
        assert {*answer.headers["Cache-Control"].split(", ")} == {"private", "no-store"}
        return int(answer.status_code)

    assert look() == 304
    visit = take(opening, "pending")
    assert [look(), look()] == [200, 304]
    clock.shift(timedelta(hours=1))  # the hold is over, and nobody has looked since
    assert [look(), look()] == [200, 304]
    del visit
    Doctor.objects.update(name="Dr. Reyes-Park")
    assert [look(), look()] == [200, 304]
    CalendarSettings.objects.create(practice=reader.scene.practice, names=True)
    assert [look(), look()] == [200, 304]
    clock.shift(timedelta(days=1))  # the window has moved
    assert [look(), look()] == [200, 304]


def test_what_was_modified_when_decides_nothing(reader: Reader) -> None:
    """A change of the same second, or of a setting, would be missed."""
    reader.scene.booking()
    modified = reader.ask().headers["Last-Modified"]
    assert reader.ask(If_Modified_Since=modified).status_code == 200


@pytest.mark.parametrize(("kind", "most"), [(Kind.EXACT, 16), (Kind.RANGE, 18)])
def test_its_statements_are_as_many_whatever_there_is(
    clock: Any, db: None, kind: Kind, most: int
) -> None:
    reader = Reader(Scene(kind))
    scene, is_range = reader.scene, kind == Kind.RANGE
    CalendarSettings.objects.create(practice=scene.practice, names=True)
    counts, tag = [], ""
    for day in range(1, 13):
        at = NOON + timedelta(days=day)
        opening = scene.booking(start_datetime=at, total_appointments=3)
        exact: Any = {"start_datetime": at} if is_range else {}
        take(opening, **exact)
        if day % 3 == 0:
            edit(scene.booking(start_datetime=at), doctor_id=doctor(scene.location).pk)
        if day not in {3, 12}:
            continue
        with CaptureQueriesContext(
            connection,
        ) as ran:
            tag = reader.ask().headers["ETag"]
        counts.append(len(ran))
    assert counts[0] >= counts[1] <= most
    with CaptureQueriesContext(connection) as ran:
        assert reader.ask(If_None_Match=tag).status_code == 304
    assert len(ran) <= 6


def test_who_reads_names_is_recorded_whole_once_a_day_and_then_what_is_new(
    reader: Reader, clock: Any
) -> None:
    opening, there = reader.scene.booking(), reader.scene.booking()
    first = take(opening)
    reader.ask()
    assert not Access.objects.exists()
    desk = browser(reader.user)
    page = f"/admin/desk/{reader.scene.practice.pk}/calendars/"
    desk.post(page, {"names": "on"})
    clock.shift(timedelta(minutes=10))
    tag = reader.ask().headers["ETag"]
    (row,) = Access.objects.all()
    assert (row.actor, row.user, row.method) == (ActorKind.STAFF, reader.user, "GET")
    assert (row.route, row.appointments) == ("/calendar/<str:token>.ics", [first.pk])

    def look(minutes: int) -> list[str]:
        before = Access.objects.count()
        clock.shift(timedelta(minutes=minutes))
        reader.ask()
        rows = Access.objects.order_by("pk")[before:]
        return sorted(pk for row in rows for pk in row.appointments)

    assert reader.ask(If_None_Match=tag).status_code == 304
    assert look(15) == []
    fields: Any = {"status": "booked", "first_name": "Ben", "last_name": "Ode"}
    clock.shift(timedelta(minutes=5))
    now = NOON + timedelta(minutes=30)
    second = appointments.take(booking_id=there.pk, fields=fields, by=PATIENT, now=now)
    assert look(6) == [second.pk]
    assert look(15) == []
    assert look(24 * 60) == sorted([first.pk, second.pk])
    desk = browser(reader.user)
    for names in ({}, {"names": "on"}):
        seen = desk.get(page).context["seen"]
        desk.post(page, {**names, "seen": seen})
    assert look(1) == sorted([first.pk, second.pk])
