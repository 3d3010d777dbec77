"""Weekly series ended and resumed: still one series, no week twice."""

from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import pytest
import time_machine

from bookings.models import Booking, Event, Series
from bookings.scheduling import bookings
from tests.bookings.test_series import listed, put
from tests.conftest import Caller, together
from tests.factories import NOON, Scene


@pytest.fixture
def weeks(scene: Scene, api: Caller) -> list[str]:
    """Make a series, and return the ids of its occurrences."""
    scene.booking(recurring=True)
    return [one["id"] for one in listed(api, scene)]


def again(api: Caller, booking_id: str) -> None:
    """Switch `recurring` off and on."""
    assert put(api, booking_id, recurring=False).status_code == 200
    assert put(api, booking_id, recurring=True).status_code == 200


def days(api: Caller, scene: Scene) -> list[int]:
    """Return the weeks that have a booking, counted from the first."""
    starts = [datetime.fromisoformat(one["start_datetime"]) for one in listed(api, scene)]
    first = datetime.fromisoformat("2026-06-02T09:00-04:00")
    return [(start - first) // timedelta(weeks=1) for start in starts]


def test_however_often_it_is_begun_again_no_week_comes_back_or_comes_twice(
    scene: Scene, api: Caller, weeks: list[str]
) -> None:
    api("DELETE", f"/onlinescheduling/booking/{weeks[3]}")
    put(api, weeks[5], status="booked")
    for _ in range(3):
        again(api, weeks[0])
        assert days(api, scene) == [0, 1, 2, *range(4, 13)]


def test_a_week_that_was_closed_for_good_after_the_end_does_not_come_back(
    scene: Scene, api: Caller, weeks: list[str]
) -> None:
    put(api, weeks[2], recurring=False)
    api("DELETE", f"/onlinescheduling/booking/{weeks[2]}")
    again(api, weeks[0])
    assert days(api, scene) == [0, 1, *range(3, 13)]


def test_a_claimed_week_stays_part_of_a_series_that_is_begun_again(
    scene: Scene, api: Caller, weeks: list[str]
) -> None:
    put(api, weeks[5], status="booked")
    again(api, weeks[0])
    put(api, weeks[5], recurring=False)
    assert days(api, scene) == list(range(6))
    put(api, weeks[5], recurring=True)
    assert days(api, scene) == list(range(13 + 5))
    put(api, weeks[5], status="open")
    put(api, weeks[0], recurring=False)
    assert days(api, scene) == [0]


def test_a_series_that_is_begun_again_from_the_middle_and_from_the_start_is_one(
    scene: Scene, api: Caller, weeks: list[str]
) -> None:
    again(api, weeks[10])
    again(api, weeks[0])
    assert days(api, scene) == list(range(13))
    assert Series.objects.count() == 1


def test_a_series_goes_on_as_the_opening_is_then(
    scene: Scene, api: Caller, weeks: list[str]
) -> None:
    put(api, weeks[3], recurring=False)
    moved = {"start_datetime": "2026-06-24T15:30", "length": 20, "recurring": True}
    assert put(api, weeks[3], **moved).status_code == 200
    assert [(one["start_datetime"][:16], one["length"]) for one in listed(api, scene)[3:6]] == [
        ("2026-06-24T15:30", 20),
        ("2026-07-01T15:30", 20),
        ("2026-07-08T15:30", 20),
    ]


def test_an_occurrence_may_have_moved_to_the_day_of_another_one(
    scene: Scene, api: Caller, weeks: list[str]
) -> None:
    put(api, weeks[1], status="booked")
    put(api, weeks[0], recurring=False)
    put(api, weeks[0], start_datetime="2026-06-09T15:30")
    assert put(api, weeks[0], recurring=True).status_code == 200
    assert days(api, scene) == [1, 1, *range(2, 13)]
    put(api, weeks[0], recurring=False)
    assert days(api, scene) == [1, 1]


def test_a_series_does_not_go_on_from_an_opening_without_a_time(
    scene: Scene, api: Caller, weeks: list[str]
) -> None:
    put(api, weeks[4], recurring=False)
    put(api, weeks[4], start_datetime=None)
    refused = put(api, weeks[4], recurring=True)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["field"] == "recurring"
    assert put(api, weeks[4], recurring=True, start_datetime="2026-06-30T09:00").status_code == 200
    assert days(api, scene) == list(range(13 + 4))


def test_an_occurrence_of_a_series_that_goes_on_says_so_again_and_no_more(
    scene: Scene, api: Caller, weeks: list[str]
) -> None:
    put(api, weeks[1], status="booked")
    put(api, weeks[1], recurring=False)
    again(api, weeks[0])
    before = listed(api, scene)
    put(api, weeks[1], start_datetime="2026-06-11T15:30")
    assert put(api, weeks[1], recurring=True).json()["recurring"] is True
    assert days(api, scene) == list(range(13))
    others = [one for one in before if one["id"] != weeks[1]]
    assert [one for one in listed(api, scene) if one["id"] != weeks[1]] == others


def test_another_weekday_brings_no_week_back_and_makes_none_twice(
    scene: Scene, api: Caller, weeks: list[str]
) -> None:
    put(api, weeks[5], status="booked")
    api("DELETE", f"/onlinescheduling/booking/{weeks[3]}")
    for start in ("2026-06-03T09:00", "2026-06-05T09:00", "2026-06-01T13:00"):
        put(api, weeks[0], recurring=False)
        assert put(api, weeks[0], start_datetime=start, recurring=True).status_code == 200
        found = [one["start_datetime"][:10] for one in listed(api, scene)]
        in_weeks = [(date.fromisoformat(one) - date(2026, 5, 31)).days // 7 for one in found]
        assert in_weeks[:11] == [0, 1, 2, *range(4, 12)]


def test_a_moved_occurrence_that_was_closed_does_not_come_back(
    scene: Scene, api: Caller, weeks: list[str]
) -> None:
    put(api, weeks[3], recurring=False)
    put(api, weeks[3], start_datetime="2026-06-25T09:00", recurring=True)
    api("DELETE", f"/onlinescheduling/booking/{weeks[3]}")
    again(api, weeks[0])
    assert days(api, scene) == [0, 1, 2, *range(4, 13)]


def test_a_series_neither_begins_nor_goes_on_with_a_doctor_who_has_left(
    scene: Scene, api: Caller, weeks: list[str]
) -> None:
    single = scene.booking()
    put(api, weeks[0], recurring=False)
    scene.doctor.locations.clear()
    for booking_id in (single.pk, weeks[0]):
        refused = put(api, booking_id, recurring=True)
        assert refused.status_code == 400
        assert refused.json()["errors"][0]["field"] == "recurring"
    assert len(listed(api, scene)) == 2


@pytest.mark.django_db(transaction=True)
def test_an_occurrence_closed_while_its_series_ends_is_closed_once_and_for_good(
    clock: time_machine.Traveller,
) -> None:
    scene = Scene()
    for _ in range(4):
        first = scene.booking(recurring=True)
        assert first.series is not None
        closing = first.series.occurrences.exclude(pk=first.pk).values_list("pk", flat=True)[:4]
        at: Any = {"by": scene.actor, "now": NOON}
        verbs = [partial(bookings.close, booking_id=one, **at) for one in closing]
        end = partial(bookings.edit, booking_id=first.pk, fields={"recurring": False}, **at)
        turns = iter([*verbs[:2], end, *verbs[2:]])
        results = together(5, lambda turns=turns: next(turns)())  # type: ignore[misc]
        assert {type(result) for result in results} == {Booking}
    assert not Event.objects.filter(from_status="closed").exists()
