"""Lists of bookings: filters, pagination, ETags (contract, section 4)."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
import time_machine
from django.db import connection

from bookings.models import Booking
from bookings.scheduling import appointments, bookings
from tests import factories
from tests.conftest import Caller
from tests.factories import NOON, Scene


def listed(api: Caller, scene: Scene, query: str = "") -> list[str]:
    """Return the ids in the practice's list, in its order."""
    answer = api("GET", f"/onlinescheduling/practice/{scene.practice.pk}/bookings{query}")
    assert answer.status_code == 200, answer.content
    return [row["id"] for row in answer.json()]


def test_a_window_begins_with_its_first_instant_and_ends_before_its_last(
    scene: Scene, api: Caller
) -> None:
    for hour in (9, 10, 11):
        scene.booking(id=f"at{hour}", start_datetime=datetime(2026, 6, 2, hour + 4, tzinfo=UTC))
    scene.booking(id="never", start_datetime=None)
    window = "?start_after=2026-06-02T09:00-04:00&start_before=2026-06-02T11:00-04:00"
    assert listed(api, scene, window) == ["at9", "at10"]
    assert listed(api, scene, "?start_after=2026-06-02T11:00-04:00") == ["at11"]
    assert listed(api, scene) == ["at9", "at10", "at11", "never"]


@pytest.mark.parametrize(
    "text",
    [
        "2026-06-02T13:00:00Z",
        "2026-06-02T13:00:00.000%2B00:00",
        "2026-06-02T13:00:00+00:00",
        "2026-06-02T15:00+0200",
        "2026-06-02T09:00",
        "2026-06-02 09:00",
    ],
)
def test_a_time_in_a_query_may_be_written_in_many_ways(
    scene: Scene, api: Caller, text: str
) -> None:
    scene.booking(id="nine")
    assert listed(api, scene, f"?start_after={text}") == ["nine"]
    assert listed(api, scene, f"?start_before={text}") == []


def test_a_wall_time_needs_one_wall_clock(scene: Scene, api: Caller) -> None:
    factories.location(scene.practice, "America/Chicago")
    path = f"/onlinescheduling/practice/{scene.practice.pk}/bookings"
    refused = api("GET", f"{path}?updated_since=2026-06-01T12:00")
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "updated_since"
    of_location = f"/onlinescheduling/location/{scene.location.pk}/bookings"
    assert api("GET", f"{of_location}?updated_since=2026-06-01T12:00").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "start_after=tomorrow",
        "updated_since=2026-13-01T00:00Z",
        "start_after=2026-03-08T02:30",
        "recurring=yes",
        "status=nonsense",
        "doctor=DD3456",
        "limit=0",
        "limit=1001",
        "limit=ten",
        "limit=%D9%A3",
        "cursor=made-up",
        "doctor_id=%00",
    ],
)
def test_a_query_that_cannot_be_understood_is_a_400_naming_it(
    scene: Scene, api: Caller, query: str
) -> None:
    refused = api("GET", f"/onlinescheduling/practice/{scene.practice.pk}/bookings?{query}")
    assert refused.status_code == 400
    (error,) = refused.json()["errors"]
    assert error["field"].split(".")[0] == query.partition("=")[0]


def test_doctor_location_and_recurring_select(scene: Scene, api: Caller) -> None:
    office = factories.location(scene.practice)
    doctor = factories.doctor(office)
    scene.booking(id="here")
    scene.booking(id="there", location_id=office.pk, doctor_id=doctor.pk)
    assert listed(api, scene, f"?doctor_id={doctor.pk}") == ["there"]
    assert listed(api, scene, f"?location_id={scene.location.pk}") == ["here"]
    assert listed(api, scene, f"?doctor_id={doctor.pk}&location_id={scene.location.pk}") == []
    weekly = scene.booking(recurring=True)
    assert weekly.pk in listed(api, scene, "?recurring=true")
    assert listed(api, scene, "?recurring=false") == ["here", "there"]


def test_a_sync_sees_deletions_and_lapsed_holds(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    scene.booking(id="stays")
    scene.booking(id="held", status="pending")
    scene.booking(id="gone")
    clock.shift(60)
    api("DELETE", "/onlinescheduling/booking/gone")
    clock.move_to(NOON + timedelta(minutes=15))
    assert sorted(listed(api, scene, "?updated_since=2026-06-01T16:01:00Z")) == ["gone", "held"]
    assert listed(api, scene, "?updated_since=2026-06-01T16:01:00.001Z") == ["held"]
    assert listed(api, scene, "?updated_since=2026-06-01T16:15:00.001Z") == []
    both = "?status=all&updated_since=2026-06-01T16:01:00Z"
    assert listed(api, scene, both) == ["held"]
    assert sorted(listed(api, scene)) == ["held", "stays"]


def next_page(answer: Any) -> str | None:
    """Return the path of the next page from the Link field; None on the last."""
    link = answer.headers.get("Link")
    if link is None:
        return None
    target, _, relation = link.partition("; ")
    assert relation == 'rel="next"'
    parts = urlsplit(target.strip("<>"))
    return f"{parts.path}?{parts.query}"


def walk(api: Caller, path: str | None) -> list[str]:
    """Return the ids of all pages, from a first page's path on, in order."""
    seen = []
    while path is not None:
        answer = api("GET", path)
        assert answer.status_code == 200, answer.content
        seen += [row["id"] for row in answer.json()]
        path = next_page(answer)
    return seen


def test_pages_show_what_the_whole_list_shows_in_its_order(scene: Scene, api: Caller) -> None:
    for hour in (9, 9, 9, 10, 11):
        scene.booking(start_datetime=datetime(2026, 6, 2, hour + 4, tzinfo=UTC))
    for _ in range(3):
        scene.booking(start_datetime=None)
    path = f"/onlinescheduling/practice/{scene.practice.pk}/bookings"
    everything = listed(api, scene)
    for limit in (1, 2, 3, 5, 8, 1000):
        assert walk(api, f"{path}?limit={limit}") == everything
    assert walk(api, f"{path}?limit=2&status=pending") == everything[5:]
    assert next_page(api("GET", f"{path}?limit=8")) is None


def test_a_cursor_grants_nothing_and_cannot_be_made_up(scene: Scene, api: Caller) -> None:
    for _ in range(2):
        scene.booking()
    path = f"/onlinescheduling/practice/{scene.practice.pk}/bookings"
    onward = next_page(api("GET", f"{path}?limit=1"))
    assert onward is not None
    assert Caller(None)("GET", onward).status_code == 401
    last = onward[-1]
    assert api("GET", onward[:-1] + ("a" if last != "a" else "b")).status_code == 400
    changes = f"/onlinescheduling/practice/{scene.practice.pk}/changes?after="
    cursor = api("GET", changes + "latest").json()["cursor"]
    assert api("GET", f"{path}?cursor={cursor}").status_code == 400


@pytest.mark.django_db(transaction=True)
def test_a_walk_during_writes_shows_every_row_that_stayed_exactly_once(
    scene: Scene, api: Caller
) -> None:
    kept = [
        scene.booking(start_datetime=NOON + timedelta(minutes=minute // 3)).pk
        for minute in range(300)
    ]
    begun, stop = threading.Event(), threading.Event()

    def write() -> None:
        """Publish and delete all over the list."""
        minute = 0
        while not stop.wait(0.01):
            minute += 37
            start = NOON + timedelta(minutes=minute % 100)
            made = scene.booking(start_datetime=start)
            bookings.close(booking_id=made.pk, by=scene.actor, now=NOON)
            scene.booking(start_datetime=start)
            begun.set()
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        # A walk takes less than a second: on a busy machine it would be over before the first row.
        assert begun.wait(60)
        seen = walk(api, f"/onlinescheduling/practice/{scene.practice.pk}/bookings?limit=7")
    finally:
        stop.set()
        writer.join()
    assert len(seen) == len(set(seen))
    assert [one for one in seen if one in set(kept)] == sorted(
        kept, key=lambda one: (Booking.objects.get(pk=one).start_datetime, one)
    )
    assert len(seen) > len(kept)


def test_appointments_come_in_pages_too(scene: Scene, api: Caller) -> None:
    booking = scene.booking(total_appointments=5)
    for _ in range(5):
        fields: Any = {"status": "booked"}
        appointments.take(booking_id=booking.pk, fields=fields, by=scene.actor, now=NOON)
    path = f"/onlinescheduling/practice/{scene.practice.pk}/appointments"
    everything = [row["id"] for row in api("GET", path).json()]
    assert len(everything) == 5
    assert walk(api, f"{path}?limit=2") == everything


@pytest.mark.parametrize("query", ["updated_since=", "doctor_id=", "limit=1&limit=2", "recurring="])
def test_a_filter_that_is_empty_or_there_twice_is_refused(
    scene: Scene, api: Caller, query: str
) -> None:
    path = f"/onlinescheduling/location/{scene.location.pk}/bookings?{query}"
    assert api("GET", path).status_code == 400
