"""Reminders: which are due when, and what of them is still sent (E2)."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.core import mail

from bookings import walltime
from bookings.messages import queue, reminders
from bookings.messages.mail.sending import MailHandler
from bookings.models import Appointment, Delivery, Queue, Task, TaskKind
from bookings.patients import reminder_opt_outs
from bookings.scheduling import appointments, bookings
from bookings.scheduling.actors import PATIENT
from practices.models import Kind, Location, MailSettings, Practice
from tests.booking_page.visits import House
from tests.bookings.test_patients import new_key
from tests.factories import NOON

pytestmark = pytest.mark.django_db
THREE, ONE = TaskKind.REMINDER_3_DAYS, TaskKind.REMINDER_1_DAY
EMAIL = "ada@example.org"


@pytest.fixture
def house(clock: Any, db: None) -> House:
    return House()


def visit(house: House, *, day: int = 10, hour: int = 9, **values: Any) -> Appointment:
    """Book a visit in June for somebody with an e-mail address."""
    opening = house.opening(day, hour)
    fields: Any = {"status": "booked", "first_name": "Ada", "email": EMAIL, **values}
    return appointments.take(booking_id=opening.pk, fields=fields, by=PATIENT, now=walltime.now())


def find() -> list[str]:
    """Look for reminders as the worker does; return the kinds of all that were found so far."""
    reminders.enqueue(walltime.now())
    rows = Task.objects.filter(kind__in=reminders.DAYS)
    return [*rows.order_by("pk").values_list("kind", flat=True)]


def work() -> list[tuple[str, str, str]]:
    """Send what is due; return what became of reminders, for a visit's history."""
    handler = MailHandler()
    while task := queue.claim(Queue.MAIL) or queue.claim(Queue.REMINDER):
        handler.run(task)
    told = Delivery.objects.filter(kind__in=reminders.DAYS).order_by("pk")
    return [*told.values_list("kind", "outcome", "reason")]


def local(day: int, hour: int, minute: int = 0) -> datetime:
    """Return a time of June in New York."""
    return datetime(2026, 6, day, hour, minute, tzinfo=ZoneInfo("America/New_York"))


def test_a_visit_is_reminded_of_three_days_and_one_day_before_at_its_time_of_day(
    house: House, clock: Any
) -> None:
    visit(house, hour=15)
    for at, found in (
        (local(7, 14, 59), []),
        (local(7, 15), [THREE]),
        (local(9, 14, 59), [THREE]),
        (local(9, 15), [THREE, ONE]),
        (local(10, 14, 59), [THREE, ONE]),
    ):
        clock.move_to(at)
        assert find() == found
        work()
    assert work() == [(THREE, "sent", ""), (ONE, "sent", "")]
    assert [each.to for each in mail.outbox[1:]] == [[EMAIL], [EMAIL]]


def test_mail_about_a_change_waits_behind_no_reminders(house: House, clock: Any) -> None:
    visit(house)
    work()
    clock.move_to(local(9, 9))
    assert find() == [ONE]
    clock.shift(60)
    later = visit(house, day=20)
    claimed = queue.claim(Queue.MAIL)
    assert claimed is not None
    assert claimed.appointment_id == later.pk


@pytest.mark.parametrize(
    ("hour", "sent_at"),
    [(7, local(9, 9)), (9, local(9, 9)), (19, local(10, 9)), (20, local(10, 9))],
)
def test_what_is_due_at_night_is_sent_at_nine(
    hour: int, sent_at: datetime, house: House, clock: Any
) -> None:
    MailSettings.objects.create(practice=house.practice, reminder_3_days=False)
    visit(house, hour=hour)
    clock.move_to(sent_at - timedelta(minutes=1))
    assert find() == []
    clock.move_to(sent_at)
    assert find() == [ONE]


def test_a_reminder_that_waited_into_the_night_waits_until_nine_or_is_too_late(
    house: House, clock: Any
) -> None:
    late, early = visit(house, hour=15), visit(house, hour=8)
    clock.move_to(local(9, 18, 59))
    assert find() == [ONE, ONE]
    clock.move_to(local(9, 19))
    assert work() == [(ONE, "dropped", "too_late")]
    assert Delivery.objects.get(kind=ONE).appointment == early
    clock.move_to(local(10, 9))
    assert work()[1:] == [(ONE, "sent", "")]
    assert Delivery.objects.get(kind=ONE, outcome="sent").appointment == late


@pytest.mark.parametrize(("booked_at", "found"), [(local(6, 15), [THREE]), (local(6, 15, 1), [])])
def test_who_has_booked_within_a_day_of_it_gets_none(
    booked_at: datetime, found: list[str], house: House, clock: Any
) -> None:
    clock.move_to(booked_at)
    visit(house, hour=15)
    clock.move_to(local(7, 15))
    assert find() == found
    clock.move_to(local(9, 15))
    assert find() == [*found, ONE]


def test_who_was_moved_within_a_day_of_it_gets_none_and_who_was_before_gets_it_anew(
    house: House, clock: Any
) -> None:
    moved = visit(house, hour=15)
    clock.move_to(local(7, 15))
    assert find() == [THREE]
    work()
    to: Any = {"start_datetime": local(12, 15)}
    bookings.edit(booking_id=moved.booking_id, fields=to, by=house.actor, now=walltime.now())
    clock.move_to(local(9, 15))  # 3 days before; it was moved 2 days ago
    assert find() == [THREE, THREE]
    clock.move_to(local(10, 15))
    to = {"start_datetime": local(12, 14)}
    bookings.edit(booking_id=moved.booking_id, fields=to, by=house.actor, now=walltime.now())
    clock.move_to(local(11, 15))  # 1 day before; it was moved 23 hours before that
    assert find() == [THREE, THREE]


def test_after_a_while_without_a_worker_only_the_nearest_goes_out(house: House, clock: Any) -> None:
    visit(house, hour=15)
    clock.move_to(local(7, 15))
    assert find() == [THREE]
    clock.move_to(local(9, 15))
    assert find() == [THREE, ONE]
    assert work() == [(THREE, "dropped", "overtaken"), (ONE, "sent", "")]


def test_who_will_come_gets_only_the_last_of_those_that_are_on(house: House, clock: Any) -> None:
    sure = visit(house, hour=15)
    appointments.confirm(appointment_id=sure.pk, by=PATIENT, now=NOON)
    clock.move_to(local(7, 15))
    assert find() == []
    MailSettings.objects.create(practice=house.practice, reminder_1_day=False)
    assert find() == [THREE]


def found_and_then(house: House, clock: Any) -> Appointment:
    found = visit(house, hour=15)
    clock.move_to(local(9, 15))
    assert find() == [ONE]
    return found


def turn_off(found: Appointment) -> None:
    MailSettings.objects.create(practice=found.booking.practice, reminder_1_day=False)


def opt_out(found: Appointment) -> None:
    reminder_opt_outs.add(found, walltime.now())


def cancel(found: Appointment) -> None:
    appointments.cancel(appointment_id=found.pk, by=PATIENT, now=walltime.now())


def move(found: Appointment) -> None:
    fields: Any = {"start_datetime": local(10, 16)}
    bookings.edit(booking_id=found.booking_id, fields=fields, by=PATIENT, now=walltime.now())


def move_and_back(found: Appointment) -> None:
    move(found)
    fields: Any = {"start_datetime": local(10, 15)}
    bookings.edit(booking_id=found.booking_id, fields=fields, by=PATIENT, now=walltime.now())


def leave(found: Appointment) -> None:
    Practice.objects.update(active=False)


@pytest.mark.parametrize(
    ("act", "reason"),
    [
        (turn_off, "turned_off"),
        (opt_out, "unsubscribed"),
        (cancel, "overtaken"),
        (move, "overtaken"),
        (move_and_back, "overtaken"),
        (leave, "turned_off"),
    ],
)
def test_what_became_of_the_visit_since_it_was_found_is_seen_before_it_is_sent(
    act: Any, reason: str, house: House, clock: Any
) -> None:
    act(found_and_then(house, clock))
    assert work() == [(ONE, "dropped", reason)]


@pytest.mark.parametrize("act", [turn_off, opt_out, cancel, leave])
def test_nothing_is_found_where_nothing_is_to_be_sent(act: Any, house: House, clock: Any) -> None:
    act(visit(house, hour=15))
    clock.move_to(local(9, 15))
    assert find() == []


def test_nothing_is_found_of_who_has_no_address_or_no_time(house: House, clock: Any) -> None:
    visit(house, email="", phone="212 555 0100")
    range_house = House(Kind.RANGE)
    visit(range_house, status="reserved")
    clock.move_to(local(9, 15))
    assert find() == []


def test_a_range_visit_is_reminded_of_by_its_exact_time(clock: Any, db: None) -> None:
    house = House(Kind.RANGE, "America/Chicago")
    timed = visit(house, day=9, hour=15, status="reserved")
    exact: Any = {"start_datetime": local(10, 16)}  # 15:00 in Chicago
    appointments.edit(appointment_id=timed.pk, fields=exact, by=house.actor, now=NOON)
    clock.move_to(local(9, 15, 59))
    assert find() == [THREE]
    clock.move_to(local(9, 16))
    assert find() == [THREE, ONE]


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Honolulu"])
def test_it_is_nine_where_the_visit_is(zone: str, clock: Any, db: None) -> None:
    house = House(timezone=zone)
    visit(house, hour=8)
    nine = datetime(2026, 6, 9, 9, tzinfo=ZoneInfo(zone))
    clock.move_to(nine - timedelta(minutes=1))
    assert find() == []
    clock.move_to(nine)
    assert find() == [ONE]


def clock_changes() -> Iterator[tuple[str, datetime, datetime]]:
    """Yield zones, visits on the days around clock changes, and when a day before each is."""
    for name, day in (("America/New_York", 8), ("America/Chicago", 8), ("America/Phoenix", 8)):
        zone = ZoneInfo(name)
        start = datetime(2026, 3, day, 10, tzinfo=zone)
        yield name, start, datetime(2026, 3, day - 1, 10, tzinfo=zone)
    zone = ZoneInfo("America/New_York")
    yield zone.key, datetime(2026, 11, 1, 10, tzinfo=zone), datetime(2026, 10, 31, 10, tzinfo=zone)


@pytest.mark.parametrize(("zone", "start", "due"), [*clock_changes()])
def test_a_day_before_is_the_same_time_of_day_across_clock_changes(
    zone: str, start: datetime, due: datetime
) -> None:
    assert reminders.due_at(start.astimezone(UTC), ONE, ZoneInfo(zone)) == due


def test_an_opt_out_is_of_the_address_in_this_practice_alone(house: House, clock: Any) -> None:
    other = House()
    first = visit(house, day=9, hour=8)
    same, elsewhere = visit(house, hour=15), visit(other, hour=15)
    another = visit(house, hour=16, email="bea@example.org")
    reminder_opt_outs.add(first, NOON)
    clock.move_to(local(9, 16))
    find()
    found = Task.objects.filter(kind=ONE).values_list("appointment", flat=True)
    assert {*found} == {elsewhere.pk, another.pk}
    reminder_opt_outs.remove(same)
    find()
    assert same.pk in {*found.all()}


def test_an_opt_out_under_an_older_key_is_found_before_it_is_sent(
    house: House, clock: Any, settings: Any
) -> None:
    reminder_opt_outs.add(visit(house, day=9, hour=8), NOON)
    settings.PATIENT_KEYS = [new_key(), *settings.PATIENT_KEYS]
    visit(house, hour=15)
    clock.move_to(local(9, 15))
    assert find() == [ONE]
    assert work() == [(ONE, "dropped", "unsubscribed")]


def test_what_was_found_or_skipped_before_costs_as_little_for_many_as_for_one(
    house: House, clock: Any, django_assert_num_queries: Any
) -> None:
    Location.objects.create(practice=house.practice, name="Uptown", timezone="Asia/Tokyo")
    for hour in (13, 14, 15):
        visit(house, hour=hour)
    opt_out(visit(house, hour=16, email="bea@example.org"))
    clock.move_to(local(9, 16))
    find()
    with django_assert_num_queries(5):
        reminders.enqueue(walltime.now())
