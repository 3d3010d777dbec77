"""The JSON stored on each booking: never out of date, and quick to read."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from bookings import representation
from bookings.models import Booking
from practices.models import Location
from tests.conftest import Caller, together
from tests.factories import Scene
from tests.test_statements import APART

WRITTEN = (
    '{"id":"b1","status":"open","length":60,"recurring":false,'
    '"start_datetime":"2026-06-02T09:00:00.000-04:00","location_id":"l1","doctor_id":"d1",'
    '"available_appointments":1,"total_appointments":1,'
    '"updated_at":"2026-06-01T12:00:00.000-04:00","created_at":"2026-06-01T12:00:00.000-04:00",'
    '"range_booking":false,"time_range":null,"pending_until":null}'
)


def listed(scene: Scene, api: Caller) -> Any:
    return api("GET", f"/onlinescheduling/location/{scene.location.pk}/bookings").json()


def test_the_shape_of_this_edition(scene: Scene) -> None:
    """If this fails, the shape has changed: raise representation.EDITION."""
    text = scene.booking(id="b1").shown
    said = text.replace(scene.location.pk, "l1").replace(scene.doctor.pk, "d1")
    assert (representation.EDITION[:2], said) == ("1 ", WRITTEN)


def test_a_list_is_what_is_kept(scene: Scene, api: Caller) -> None:
    one, two = scene.booking(), scene.booking(status="pending")
    body = api("GET", f"/onlinescheduling/location/{scene.location.pk}/bookings").content
    assert body.decode() == f"[{','.join(sorted([str(one.shown), str(two.shown)]))}]"
    assert api("GET", f"/onlinescheduling/booking/{two.pk}").content.decode() == two.shown


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("length", 45),
        ("recurring", True),
        ("start_datetime", datetime.fromisoformat("2026-06-03T15:00Z")),
        ("total_appointments", 3),
        ("updated_at", datetime.fromisoformat("2026-06-01T17:00Z")),
        ("created_at", datetime.fromisoformat("2026-06-01T15:00Z")),
    ],
)
def test_a_change_behind_the_applications_back_is_seen_at_once(
    scene: Scene, api: Caller, column: str, value: Any
) -> None:
    booking = scene.booking()
    path = f"/onlinescheduling/booking/{booking.pk}"
    before = api("GET", path)
    Booking.objects.update(**{column: value})
    assert Booking.objects.get().shown_as == ""
    after = api("GET", path)
    assert after.json() == listed(scene, api)[0] != before.json()
    assert after["ETag"] != before["ETag"]


def test_what_is_not_shown_does_not_take_the_json_away(scene: Scene) -> None:
    booking = scene.booking()
    Booking.objects.update(partner=None, status="open")
    kept = Booking.objects.get()
    assert (kept.shown, kept.shown_as) == (booking.shown, booking.shown_as)
    assert representation.EDITION in kept.shown_as


def test_another_time_zone_of_the_location_is_seen_at_once(scene: Scene, api: Caller) -> None:
    booking = scene.booking()
    listed(scene, api)
    Location.objects.update(timezone="Asia/Tokyo")
    assert listed(scene, api)[0]["start_datetime"] == "2026-06-02T22:00:00.000+09:00"
    one = api("GET", f"/onlinescheduling/booking/{booking.pk}").json()
    assert one["start_datetime"] == "2026-06-02T22:00:00.000+09:00"


def test_json_of_another_edition_is_not_used_and_written_anew(
    scene: Scene, api: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    booking = scene.booking()
    Booking.objects.update(shown='{"id":"old"}')
    monkeypatch.setattr(representation, "EDITION", "next ")
    assert api("GET", f"/onlinescheduling/booking/{booking.pk}").json()["id"] == booking.pk
    assert listed(scene, api)[0]["id"] == booking.pk
    booking.refresh_from_db()
    assert booking.shown_as == "next America/New_York"
    assert json.loads(str(booking.shown))["id"] == booking.pk


def test_the_first_reader_writes_what_is_missing_and_the_next_reads_it(
    scene: Scene, api: Caller
) -> None:
    kept = [scene.booking().shown for _ in range(3)]
    Booking.objects.update(shown="", shown_as="")
    first = listed(scene, api)
    assert sorted(map(json.dumps, first)) == sorted(
        json.dumps(json.loads(str(one))) for one in kept
    )
    assert set(Booking.objects.values_list("shown", flat=True)) == set(kept)
    with CaptureQueriesContext(connection) as asked:
        assert listed(scene, api) == first
    assert len(asked) == 2 + 2 * APART


@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite locks no rows")
@pytest.mark.django_db(transaction=True)
def test_json_is_not_kept_of_a_booking_that_is_being_changed() -> None:
    booking = Scene().booking()
    Booking.objects.update(shown="", shown_as="")
    with transaction.atomic():
        Booking.objects.select_for_update().get()
        assert together(1, lambda: representation.keep([booking.pk])) == [None]
        booking.length = 45
        booking.save(update_fields=["length"])
    assert Booking.objects.get().shown_as == ""
    representation.keep([booking.pk])
    assert json.loads(str(Booking.objects.get().shown))["length"] == 45


def test_a_hold_that_lapses_is_seen_in_the_next_list(scene: Scene, api: Caller, clock: Any) -> None:
    scene.booking(status="pending")
    assert listed(scene, api)[0]["status"] == "pending"
    clock.shift(timedelta(seconds=900))
    assert listed(scene, api)[0]["status"] == "open"
