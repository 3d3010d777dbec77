"""What the booking page offers: the days that have what is asked for, and the choice of a day."""

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from bookings.models import Booking
from bookings.scheduling import availability
from bookings.scheduling.availability import Criteria
from practices.models import Kind
from tests import factories
from tests.factories import NOON, Scene

pytestmark = pytest.mark.django_db


def publish(scene: Scene, *walls: str, **values: Any) -> list[Booking]:
    """Publish openings of 45 minutes at these wall times in June 2026: "2 9:45"."""
    starts = [datetime.strptime(f"2026-06-{wall}", "%Y-%m-%d %H:%M") for wall in walls]  # noqa: DTZ007  # wall time
    return [scene.booking(start_datetime=each, length=45, **values) for each in starts]


def asked(scene: Scene, people: int = 1, **values: Any) -> Criteria:
    every = [each.pk for each in scene.practice.locations.all()]
    of = {"earliest": NOON + timedelta(hours=2), "latest": NOON + timedelta(days=84), **values}
    return Criteria(people=people, **{"location_ids": every, "doctor_ids": None, **of})


def days(
    scene: Scene, people: int = 1, first: int = 1, limit: int = 10, **values: Any
) -> list[int]:
    found = availability.days(
        scene.practice,
        asked(scene, people, **values),
        first=date(2026, 6, first),
        limit=limit,
    )
    return [each.day for each in found]


def choice(scene: Scene, day: int, people: int = 1, **values: Any) -> list[str]:
    found = availability.of_day(scene.practice, asked(scene, people, **values), date(2026, 6, day))
    return [
        " + ".join(
            f"{each.start_datetime.astimezone(each.location.zone):%-H:%M}"
            for each in option.places
            if each.start_datetime
        )
        for option in found
    ]


def test_days_begin_after_the_notice_and_end_with_the_horizon(scene: Scene) -> None:
    publish(scene, "1 13:59", "3 9:00", "2 9:00", "30 9:00")
    publish(scene, "4 9:00", status="booked")
    assert days(scene) == [2, 3, 30]
    publish(scene, "1 14:00")
    assert days(scene) == [1, 2, 3, 30]
    assert days(scene, latest=NOON + timedelta(days=2)) == [1, 2, 3]
    assert days(scene, first=3) == [3, 30]
    assert days(scene, limit=2) == [1, 2]


def test_the_days_before_another_are_the_last_ones_in_order(scene: Scene) -> None:
    publish(scene, "2 9:00", "3 9:00", "20 9:00", "30 9:00")
    found = availability.days_before(
        scene.practice, asked(scene), before=date(2026, 6, 30), limit=2
    )
    assert [each.day for each in found] == [3, 20]


def test_a_day_has_one_choice_for_each_time_at_each_location(scene: Scene) -> None:
    keller = factories.doctor(scene.location, name="Dr. Keller")
    publish(scene, "2 9:00", "2 10:30")
    publish(scene, "2 9:00", "2 8:00", doctor_id=keller.pk)
    assert choice(scene, 2) == ["8:00", "9:00", "10:30"]
    assert choice(scene, 2, doctor_ids=[scene.doctor.pk]) == ["9:00", "10:30"]
    assert days(scene, doctor_ids=[]) == []


def test_several_people_see_days_and_times_with_places_side_by_side_alone(scene: Scene) -> None:
    publish(scene, "2 9:00", "2 14:00", "3 9:00", "3 9:45", "3 14:00")
    publish(scene, "4 9:00", total_appointments=2)
    assert days(scene, people=2) == [3, 4]
    assert choice(scene, 3, people=2) == ["9:00 + 9:45"]
    assert choice(scene, 4, people=2) == ["9:00 + 9:00"]


def test_places_that_one_holds_oneself_count_as_free(scene: Scene) -> None:
    (held,) = publish(scene, "2 9:00", status="pending")
    publish(scene, "2 9:45")
    assert choice(scene, 2, people=2) == []
    assert choice(scene, 2, people=2, own={held.pk: 1}) == ["9:00 + 9:45"]
    assert days(scene, people=2, own={held.pk: 1}) == [2]


def test_a_range_practice_offers_parts_of_the_day_with_places_enough(clock: Any, db: None) -> None:
    scene = Scene(Kind.RANGE)
    publish(scene, "2 8:00", "2 9:30", "2 15:00")
    assert choice(scene, 2) == ["8:00", "15:00"]
    assert choice(scene, 2, people=2) == ["8:00 + 9:30"]
    assert days(scene, people=3) == []


def test_a_day_is_one_of_each_location_s_own_clock(scene: Scene) -> None:
    west = factories.location(scene.practice, "Pacific/Honolulu", name="West")
    scene.doctor.locations.add(west)
    publish(scene, "2 20:00", location_id=west.pk)  # the third in New York
    assert days(scene) == [2]
    assert choice(scene, 2) == ["20:00"]
    assert choice(scene, 3) == []
