"""The next free openings, for one patient or several side by side."""

from datetime import date, datetime, timedelta
from typing import Any

from bookings.models import Booking
from bookings.scheduling import availability
from bookings.scheduling.availability import next_free
from practices.models import Doctor, Location
from tests import factories
from tests.factories import NOON, Scene


def publish(scene: Scene, *walls: str, **values: Any) -> list[Booking]:
    """Publish openings of 45 minutes at these wall times in June 2026: "2 9:45"."""
    starts = [datetime.strptime(f"2026-06-{wall}", "%Y-%m-%d %H:%M") for wall in walls]  # noqa: DTZ007  # wall time
    return [scene.booking(start_datetime=each, length=45, **values) for each in starts]


def shown(scene: Scene, **asked: Any) -> list[str]:
    """Return the options as wall times and names of doctors."""
    return [
        " + ".join(
            f"{each.start_datetime.astimezone(each.location.zone):%-d %-H:%M}"
            for each in option.places
            if each.start_datetime
        )
        for option in next_free(scene.practice, now=NOON, **asked)
    ]


def another_doctor(scene: Scene) -> Doctor:
    return factories.doctor(scene.location, name="Dr. Keller")


def test_the_earliest_are_first_and_none_is_full_closed_or_past(scene: Scene) -> None:
    publish(scene, "4 9:00", "2 9:00", "1 11:00", "1 12:00")
    publish(scene, "2 8:00", status="booked")
    publish(scene, "2 10:00", total_appointments=2, status="pending")
    scene.booking(start_datetime=None)
    Scene().booking()
    assert shown(scene) == ["2 9:00", "4 9:00"]


def test_a_day_has_at_most_three_so_that_there_is_a_choice_of_days(scene: Scene) -> None:
    publish(scene, "2 9:00", "2 9:45", "2 10:30", "2 11:15", "3 9:00", "30 9:00")
    first = ["2 9:00", "2 9:45", "2 10:30", "3 9:00"]
    assert shown(scene, limit=4) == first
    assert shown(scene, limit=4, skip=4) == ["30 9:00"]


def test_what_is_asked_for_is_a_doctor_a_place_a_part_of_the_day_and_a_first_day(
    scene: Scene,
) -> None:
    keller = another_doctor(scene)
    west = factories.location(scene.practice, "America/Los_Angeles", name="West")
    keller.locations.add(west)
    publish(scene, "2 9:00", "2 10:00", "3 14:30")
    publish(scene, "2 8:00", "4 12:00", doctor_id=keller.pk)
    publish(scene, "2 9:59", doctor_id=keller.pk, location_id=west.pk)
    assert shown(scene, doctor_id=keller.pk) == ["2 8:00", "2 9:59", "4 12:00"]
    assert shown(scene, location_id=west.pk) == ["2 9:59"]
    assert shown(scene, parts=["morning"]) == ["2 8:00", "2 9:00", "2 9:59"]
    assert shown(scene, parts=["late_morning", "late_afternoon"]) == ["2 10:00", "3 14:30"]
    assert shown(scene, after=date(2026, 6, 3)) == ["3 14:30", "4 12:00"]


def test_a_family_gets_places_in_one_opening_or_one_after_another(scene: Scene) -> None:
    publish(scene, "2 9:00", total_appointments=2)
    publish(scene, "3 9:00", "3 10:00", "3 11:01")  # a quarter of an hour between, and more
    assert shown(scene, people=2) == ["2 9:00 + 2 9:00", "3 9:00 + 3 10:00"]
    publish(scene, "2 9:45")
    assert shown(scene, people=3) == ["2 9:00 + 2 9:00 + 2 9:45"]
    assert shown(scene, people=4) == []


def test_a_family_gets_the_same_time_with_several_doctors_at_one_place(scene: Scene) -> None:
    keller = another_doctor(scene)
    west = factories.location(scene.practice, name="West")
    keller.locations.add(west)
    publish(scene, "2 9:00", "3 9:00")
    publish(scene, "2 9:00", "4 9:00", doctor_id=keller.pk)
    publish(scene, "3 9:00", doctor_id=keller.pk, location_id=west.pk)
    (option,) = next_free(scene.practice, now=NOON, people=2)
    assert {each.doctor_id for each in option.places} == {scene.doctor.pk, keller.pk}
    assert shown(scene, people=2) == ["2 9:00 + 2 9:00"]


def test_openings_far_ahead_are_found_and_those_left_out_are_not(scene: Scene) -> None:
    (near,) = publish(scene, "2 9:00")
    far = scene.booking(start_datetime=NOON + timedelta(days=400))
    found = next_free(scene.practice, now=NOON, but=[near.pk])
    assert [[each.pk for each in option.places] for option in found] == [[far.pk]]


def test_a_practice_without_a_location_has_nothing_free(scene: Scene) -> None:
    Booking.objects.all().delete()
    Location.objects.all().delete()
    assert availability.next_free(scene.practice, now=NOON) == []
