"""Weekly series: wall time, 12 weeks ahead, clock changes, ending (contract, section 2)."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine

from bookings import walltime
from bookings.models import Booking, Event, Series
from bookings.scheduling import bookings
from bookings.scheduling.actors import Actor
from bookings.scheduling.moves import TransitionRefused
from practices.models import Doctor
from tests.conftest import Caller, together
from tests.factories import NOON, Scene

TEN = timedelta(weeks=10)


def listed(api: Caller, scene: Scene, query: str = "") -> list[Any]:
    path = f"/onlinescheduling/location/{scene.location.pk}/bookings{query}"
    found: list[Any] = api("GET", path).json()
    return found


def put(api: Caller, booking_id: str, **fields: Any) -> Any:
    return api("PUT", f"/onlinescheduling/booking/{booking_id}", fields)


def test_a_weekly_opening_exists_twelve_weeks_ahead(scene: Scene, api: Caller) -> None:
    scene.booking(recurring=True, total_appointments=2)
    found = listed(api, scene)
    starts = [datetime.fromisoformat(one["start_datetime"]) for one in found]
    assert starts == [starts[0] + timedelta(weeks=week) for week in range(13)]
    assert len({one["id"] for one in found}) == 13
    assert {(one["recurring"], one["total_appointments"]) for one in found} == {(True, 2)}


def test_weeks_appear_as_time_goes_by_without_any_background_process(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    scene.booking(recurring=True)
    clock.shift(timedelta(weeks=30))
    last = listed(api, scene)[-1]["start_datetime"]
    horizon = walltime.now() + timedelta(weeks=12)
    assert horizon - timedelta(weeks=1) < datetime.fromisoformat(last) <= horizon
    event = Event.objects.order_by("pk").last()
    assert event is not None
    assert event.actor == "clock"


def test_weeks_that_nobody_looked_at_in_time_are_not_made_up_for(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    scene.booking(recurring=True)
    clock.shift(timedelta(weeks=52))
    starts = [datetime.fromisoformat(one["start_datetime"]) for one in listed(api, scene)]
    years_later = [start for start in starts if start > NOON + timedelta(weeks=13)]
    assert min(years_later) > walltime.now()


@pytest.mark.parametrize("ahead", [timedelta(days=30), timedelta(days=400)])
def test_a_clock_that_was_wrong_once_leaves_no_hole_in_a_series(
    scene: Scene, api: Caller, clock: time_machine.Traveller, ahead: timedelta
) -> None:
    scene.booking(recurring=True)
    gone = listed(api, scene)[9]
    api("DELETE", f"/onlinescheduling/booking/{gone['id']}")
    clock.shift(ahead)
    listed(api, scene)
    for days in (0, 60):
        clock.move_to(NOON + timedelta(days=days))
        starts = [datetime.fromisoformat(one["start_datetime"]) for one in listed(api, scene)]
        first = starts[0]
        weeks = [(start - first) // timedelta(weeks=1) for start in starts]
        within = [week for week in weeks if first + week * timedelta(weeks=1) <= horizon()]
        assert within == [week for week in range(within[-1] + 1) if week != 9]
        assert within[-1] >= (days // 7) + 12


def horizon() -> datetime:
    """Return the last moment at which occurrences have to exist."""
    return walltime.now() + timedelta(weeks=12, hours=21)


def test_a_series_that_begins_in_the_far_future_is_left_alone_until_then(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    scene.booking(recurring=True, start_datetime=NOON + timedelta(weeks=40))
    for _ in range(5):
        assert len(listed(api, scene)) == 13
        clock.shift(timedelta(weeks=8))
    clock.shift(timedelta(weeks=1))
    assert len(listed(api, scene)) == 14


def test_a_series_that_begins_in_the_past_repeats_from_now_on(scene: Scene, api: Caller) -> None:
    scene.booking(recurring=True, start_datetime=datetime(2018, 9, 25, 16, 44, tzinfo=UTC))
    starts = [one["start_datetime"] for one in listed(api, scene)]
    assert len(starts) == 13
    assert starts[:2] == ["2018-09-25T12:44:00.000-04:00", "2026-06-02T12:44:00.000-04:00"]


def test_a_series_begins_when_the_opening_gets_its_time(scene: Scene, api: Caller) -> None:
    booking = scene.booking(recurring=True, start_datetime=None)
    assert len(listed(api, scene)) == 1
    put(api, booking.pk, start_datetime="2026-06-02T09:00")
    assert len(listed(api, scene)) == 13


def test_editing_or_deleting_one_occurrence_touches_that_one(scene: Scene, api: Caller) -> None:
    scene.booking(recurring=True)
    before = listed(api, scene)
    put(api, before[3]["id"], length=30)
    api("DELETE", f"/onlinescheduling/booking/{before[5]['id']}")
    after = {one["id"]: one for one in listed(api, scene)}
    assert before[5]["id"] not in after
    assert after[before[3]["id"]]["length"] == 30
    untouched = [one for nth, one in enumerate(before) if nth not in {3, 5}]
    assert all(after[one["id"]] == one for one in untouched)


def test_closed_occurrences_never_come_back(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    scene.booking(recurring=True)
    gone = listed(api, scene)[5]
    api("DELETE", f"/onlinescheduling/booking/{gone['id']}")
    clock.shift(timedelta(weeks=2))
    assert gone["start_datetime"] not in [one["start_datetime"] for one in listed(api, scene)]


def test_ending_a_series_closes_later_occurrences_that_nobody_has_claimed(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    scene.booking(recurring=True)
    before = listed(api, scene)
    claimed = [put(api, before[8]["id"], status="booked").json(), before[2]]
    held = put(api, before[9]["id"], status="pending").json()
    answer = put(api, before[4]["id"], recurring=False)
    assert answer.json()["recurring"] is False
    left = listed(api, scene)
    assert [one["id"] for one in left] == [
        one["id"] for nth, one in enumerate(before) if nth <= 4 or nth in {8, 9}
    ]
    assert claimed[0] in left
    assert held in left
    clock.shift(timedelta(weeks=20))
    assert len(listed(api, scene)) == 7


def test_a_series_begun_again_leaves_out_days_that_were_closed_or_are_claimed(
    scene: Scene, api: Caller
) -> None:
    first = scene.booking(recurring=True)
    before = listed(api, scene)
    api("DELETE", f"/onlinescheduling/booking/{before[5]['id']}")
    claimed = put(api, before[8]["id"], status="booked").json()
    put(api, first.pk, recurring=False)
    put(api, first.pk, recurring=True)
    after = listed(api, scene)
    starts = [one["start_datetime"] for one in before]
    assert [one["start_datetime"] for one in after] == starts[:5] + starts[6:]
    assert claimed in after
    new = {one["id"] for one in after} - {first.pk, claimed["id"]}
    assert not new & {one["id"] for one in before}


@pytest.mark.django_db(transaction=True)
def test_whoever_makes_an_opening_weekly_at_the_same_moment_makes_one_series(
    clock: time_machine.Traveller,
) -> None:
    scene = Scene()
    for _ in range(3):
        at: Any = {"booking_id": scene.booking().pk, "by": scene.actor, "now": NOON}
        results = together(8, lambda at=at: bookings.edit(fields={"recurring": True}, **at))  # type: ignore[misc]
        assert {type(result) for result in results} == {Booking}
    assert Series.objects.count() == 3
    assert Booking.objects.count() == 3 * 13


def test_a_hold_on_the_first_occurrence_is_not_a_hold_on_the_others(
    scene: Scene, api: Caller
) -> None:
    scene.booking(recurring=True, status="pending")
    statuses = [one["status"] for one in listed(api, scene)]
    assert statuses == ["pending"] + ["open"] * 12


@pytest.mark.parametrize(
    ("zone", "wall", "around"),
    [
        ("America/New_York", "2026-10-20T09:00", date(2026, 11, 1)),
        ("America/New_York", "2027-03-02T09:00", date(2027, 3, 14)),
        ("America/Phoenix", "2026-10-20T09:00", date(2026, 11, 1)),
        ("America/Phoenix", "2027-03-02T09:00", date(2027, 3, 14)),
        ("Europe/London", "2026-10-13T09:00", date(2026, 10, 25)),
        ("Europe/London", "2027-03-16T09:00", date(2027, 3, 28)),
        ("Australia/Lord_Howe", "2026-09-22T09:00", date(2026, 10, 4)),
        ("Australia/Lord_Howe", "2027-03-23T09:00", date(2027, 4, 4)),
        ("Asia/Kathmandu", "2026-10-20T09:00", date(2026, 11, 1)),
        ("Asia/Kathmandu", "2027-03-02T09:00", date(2027, 3, 14)),
    ],
)
def test_the_wall_time_stays_through_a_clock_change(
    db: None, clock: time_machine.Traveller, zone: str, wall: str, around: date
) -> None:
    scene = Scene(timezone=zone)
    api = Caller(scene.key)
    body = scene.fields(start_datetime=wall, recurring=True)
    assert api("POST", "/onlinescheduling/booking", body).status_code == 201
    starts = [datetime.fromisoformat(one["start_datetime"]) for one in listed(api, scene)]
    assert len(starts) == 13
    assert {start.time() for start in starts} == {time(9)}
    assert starts[0].date() < around < starts[-1].date()
    days = [start.date() for start in starts]
    assert days == [days[0] + timedelta(weeks=week) for week in range(13)]
    offsets = {start.utcoffset() for start in starts}
    expected = {start.replace(tzinfo=ZoneInfo(zone)).utcoffset() for start in starts}
    assert offsets == expected


@pytest.mark.parametrize(
    ("zone", "wall", "day", "shown"),
    [
        # does not exist that day: moved forward by the gap
        ("America/New_York", "2027-03-07T02:30", "2027-03-14", "T03:30:00.000-04:00"),
        ("Europe/London", "2027-03-21T01:15", "2027-03-28", "T02:15:00.000+01:00"),
        ("Australia/Lord_Howe", "2026-09-27T02:15", "2026-10-04", "T02:45:00.000+11:00"),
        # exists twice that day: the first
        ("America/New_York", "2026-10-25T01:30", "2026-11-01", "T01:30:00.000-04:00"),
        ("Europe/London", "2026-10-18T01:30", "2026-10-25", "T01:30:00.000+01:00"),
        ("Australia/Lord_Howe", "2027-03-28T01:45", "2027-04-04", "T01:45:00.000+11:00"),
    ],
)
def test_an_occurrence_in_a_clock_change_is_moved_or_takes_the_first(
    db: None, clock: time_machine.Traveller, zone: str, wall: str, day: str, shown: str
) -> None:
    scene = Scene(timezone=zone)
    api = Caller(scene.key)
    api("POST", "/onlinescheduling/booking", scene.fields(start_datetime=wall, recurring=True))
    starts = [one["start_datetime"] for one in listed(api, scene)]
    assert starts[1] == day + shown
    assert starts[2][11:16] == wall[11:16]


@pytest.mark.django_db(transaction=True)
def test_many_readers_at_once_make_each_week_once(clock: time_machine.Traveller) -> None:
    scene = Scene()
    scene.booking(recurring=True)
    later = NOON + TEN
    results = together(8, lambda: bookings.catch_up(practice_id=scene.practice.pk, now=later))
    assert results == [None] * 8
    days = list(Booking.objects.order_by("series_date").values_list("series_date", flat=True))
    assert days == [date(2026, 6, 2) + timedelta(weeks=week) for week in range(22)]


@pytest.mark.django_db(transaction=True)
def test_ending_a_series_and_holding_its_occurrences_never_wait_for_each_other(
    clock: time_machine.Traveller,
) -> None:
    scene = Scene()
    for _ in range(5):
        first = scene.booking(recurring=True)
        assert first.series is not None
        others = first.series.occurrences.exclude(pk=first.pk)[:7]
        wanted: list[tuple[str, Any]] = [(first.pk, {"recurring": False, "status": "pending"})]
        wanted += [(one.pk, {"status": "pending"}) for one in others]
        turns = iter(wanted)
        # Held, or closed before it could be: no deadlock, nothing that the database gave up on.
        results = together(8, partial(edit_next, turns, by=scene.actor))
        assert {type(result) for result in results} <= {Booking, TransitionRefused}


def edit_next(turns: Iterator[tuple[str, Any]], *, by: Actor) -> Booking:
    booking_id, fields = next(turns)
    return bookings.edit(booking_id=booking_id, fields=fields, by=by, now=NOON)


def test_a_series_ends_when_its_doctor_leaves_the_location(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    scene.booking(recurring=True)
    scene.doctor.locations.clear()
    clock.shift(timedelta(weeks=4))
    assert len(listed(api, scene)) == 13
    assert Series.objects.get().ended


def test_occurrences_belong_to_the_partner_and_the_doctor_of_the_series(
    scene: Scene, api: Caller
) -> None:
    other = Doctor.objects.create(practice=scene.practice, name="Dr. Okafor")
    other.locations.add(scene.location)
    first = scene.booking(recurring=True)
    put(api, first.pk, doctor_id=other.pk)
    rest = Booking.objects.exclude(pk=first.pk)
    assert set(rest.values_list("partner_id", "doctor_id")) == {(scene.partner.pk, scene.doctor.pk)}
