"""Constraints and triggers of bookings' tables, tried past the application."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import Model

from bookings.models import Appointment, Booking, Event, Series
from bookings.scheduling import appointments
from tests import factories
from tests.factories import NOON, Scene

LATER = NOON + timedelta(minutes=15)
HELD = {"places_pending": 1, "pending_until": LATER}
WHOLE_HELD = {
    "status": "pending",
    "places_pending": 3,
    "pending_until": LATER,
    "whole_pending": 3,
    "whole_held_since": NOON,
    "whole_pending_until": LATER,
}


def write_around_the_application(row: Model, **columns: Any) -> None:
    """Update columns with plain SQL, past the application."""
    table = row._meta.db_table
    sets = ", ".join(f'"{name}" = %s' for name in columns)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {sets} WHERE id = %s",
            [*columns.values(), row.pk],
        )


@pytest.fixture
def booking(scene: Scene) -> Booking:
    return scene.booking(total_appointments=3)


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "booked", "places_booked": 4},
        {"status": "booked", "places_booked": 3, **HELD},
        {"status": "booked", "places_booked": 2, "places_reserved": 2},
        {"places_booked": -1},
        {"total_appointments": 0},
        {"total_appointments": 1001},
        {"length": 0},
        {"length": 1441},
        {"status": "free"},
        {"status": ""},
        # the status says other than the places do
        {"status": "booked"},
        {"status": "reserved"},
        {"status": "pending"},
        {"status": "open", "places_booked": 3},
        {"status": "open", "start_datetime": None},
        {"status": "pending", "places_booked": 3},
        {"status": "booked", "places_booked": 2, **HELD},
        {"status": "reserved", "places_reserved": 2, **HELD},
        {"status": "booked", "places_booked": 2, "places_reserved": 1},
        {"status": "reserved", "places_booked": 3},
        {"status": "closed", "places_booked": 1},
        # holds, times, series
        {"status": "pending", "places_pending": 3},
        {"pending_until": LATER},
        # what is taken as a whole
        {"status": "booked", "places_booked": 3, "whole_booked": 4},
        {"whole_booked": 1},
        {"status": "pending", "places_pending": 3, "pending_until": LATER, "whole_pending": 3},
        {**WHOLE_HELD, "whole_held_since": None},
        {**WHOLE_HELD, "whole_pending_until": None},
        {**WHOLE_HELD, "whole_pending_until": NOON - timedelta(seconds=1)},
        {**WHOLE_HELD, "pending_until": LATER + timedelta(seconds=1)},
        {"whole_held_since": NOON, "whole_pending_until": LATER},
        {"whole_partner_id": "nobody"},
        {"status": "booked", "places_booked": 3, "start_datetime": None},
        {"series_date": "2026-06-02"},
        {"id": "-abc"},
        {"id": "a b"},
        {"id": ""},
        {"id": "a" * 33},
        {"id": "é"},
    ],
    ids=repr,
)
def test_the_database_refuses_a_booking_that_cannot_be(
    booking: Booking, columns: dict[str, Any]
) -> None:
    with pytest.raises((IntegrityError, DataError)):
        write_around_the_application(booking, **columns)
    assert Booking.objects.values().get() == Booking.objects.filter(pk=booking.pk).values().get()


@pytest.mark.parametrize(
    ("columns", "places"),
    [
        ({"status": "pending", "places_pending": 3, "pending_until": LATER}, ["pending"] * 3),
        ({"status": "open", **HELD}, ["pending"]),
        (WHOLE_HELD, []),
        ({"status": "booked", "places_booked": 3, "whole_booked": 2}, ["booked"]),
        (
            {"status": "reserved", "places_reserved": 1, "places_booked": 2},
            ["reserved", "booked", "booked"],
        ),
        ({"status": "booked", "places_booked": 3}, ["booked"] * 3),
        ({"status": "pending", "start_datetime": None}, []),
        ({"status": "reserved", "places_reserved": 1, "start_datetime": None}, ["reserved"]),
        ({"status": "closed"}, ["cancelled", "expired"]),
        ({"length": 1440}, []),
    ],
)
def test_the_database_takes_what_the_contract_allows(
    range_scene: Scene, columns: dict[str, Any], places: list[str]
) -> None:
    booking = range_scene.booking(total_appointments=3)
    for status in places:
        place(booking, status)
    write_around_the_application(booking, **columns)
    connection.check_constraints()
    booking.refresh_from_db()
    assert booking.status == columns.get("status", "open")


def place(booking: Booking, status: str) -> Appointment:
    """Insert an appointment without changing its booking's counts."""
    held = {"held_since": NOON, "pending_until": LATER} if status == "pending" else {}
    made = {"created_at": NOON, "updated_at": NOON, **held}
    return Appointment.objects.create(booking=booking, status=status, **made)


# Triggers: rules on several rows, checked at the end of the transaction -------------------------


@pytest.fixture
def booked(transactional_db: None, clock: time_machine.Traveller) -> Booking:
    """Make a booking of one place, taken by a patient, and commit it."""
    scene = Scene()
    booking = scene.booking()
    fields: appointments.Fields = {"status": "booked"}
    appointments.take(booking_id=booking.pk, fields=fields, by=scene.actor, now=NOON)
    return booking


@pytest.mark.parametrize(
    "act",
    [
        lambda booking: place(booking, "booked"),
        lambda booking: place(booking, "pending"),
        lambda booking: booking.appointments.update(status="cancelled"),
        lambda booking: booking.appointments.all().delete(),
        lambda booking: Booking.objects.update(status="open", places_booked=0),
        lambda booking: Booking.objects.update(status="closed", places_booked=0),
        lambda booking: Booking.objects.update(total_appointments=2, places_booked=2),
        lambda booking: Booking.objects.update(whole_booked=1),
        lambda booking: Booking.objects.bulk_create(
            [copy_of(booking, places_booked=1, status="booked")]
        ),
    ],
    ids=[
        "taken twice",
        "held too",
        "given up",
        "deleted",
        "opened",
        "closed",
        "counted twice",
        "taken as a whole too",
        "made so",
    ],
)
def test_no_transaction_ends_with_an_opening_that_disagrees_with_its_places(
    booked: Booking, act: Callable[[Booking], Any]
) -> None:
    before = list(Booking.objects.values()) + list(Appointment.objects.values())
    with pytest.raises(IntegrityError), transaction.atomic():
        act(booked)
    assert list(Booking.objects.values()) + list(Appointment.objects.values()) == before


def copy_of(booking: Booking, **columns: Any) -> Booking:
    row = Booking.objects.values().get(pk=booking.pk)
    return Booking(**{**row, "id": "copy", **columns})


@pytest.mark.parametrize("known_to", ["the one it leaves", "the one it comes to"])
def test_no_appointment_moves_that_only_one_of_two_bookings_knows_of(
    booked: Booking, known_to: str
) -> None:
    other = copy_of(booked, places_booked=0, status="open")
    other.save(force_insert=True)
    if known_to == "the one it leaves":
        one, columns = booked, {"places_booked": 0, "status": "open"}
    else:
        one, columns = other, {"places_booked": 1, "status": "booked"}

    def move() -> None:
        with transaction.atomic():
            Appointment.objects.update(booking=other)
            Booking.objects.filter(pk=one.pk).update(**columns)

    with pytest.raises(IntegrityError):
        move()


def test_opening_and_places_may_change_together_in_any_order(booked: Booking) -> None:
    with transaction.atomic():
        booked.appointments.update(status="cancelled")
        Booking.objects.update(status="open", places_booked=0)
    with transaction.atomic():
        Booking.objects.update(status="booked", places_booked=1)
        booked.appointments.update(status="booked")
    booked.refresh_from_db()
    assert booked.status == "booked"


def test_an_opening_of_exact_times_is_never_reserved(scene: Scene) -> None:
    booking = scene.booking()
    with pytest.raises(IntegrityError):
        write_around_the_application(booking, status="reserved", places_reserved=1)


def test_an_opening_is_in_its_locations_practice(scene: Scene) -> None:
    booking = scene.booking()
    elsewhere = factories.location(factories.practice(name="Other"))
    for columns in ({"location_id": elsewhere.pk}, {"practice_id": elsewhere.practice_id}):
        with pytest.raises(IntegrityError):
            write_around_the_application(booking, **columns)


def test_neither_kind_nor_practice_changes_under_openings(scene: Scene) -> None:
    other = factories.practice(name="Other")
    write_around_the_application(scene.practice, kind="range")
    write_around_the_application(scene.practice, kind="exact")
    scene.booking()
    with pytest.raises(IntegrityError):
        write_around_the_application(scene.practice, kind="range")
    with pytest.raises(IntegrityError):
        write_around_the_application(scene.location, practice_id=other.pk)


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "open"},
        {"status": "booked"},
        {"pending_until": None},
        {"held_since": None},
        {"pending_until": NOON - timedelta(seconds=1)},
        {"id": "_"},
    ],
    ids=lambda columns: next(iter(columns)),
)
def test_the_database_refuses_a_place_that_cannot_be(scene: Scene, columns: dict[str, Any]) -> None:
    appointments.take(booking_id=scene.booking().pk, fields={}, by=scene.actor, now=NOON)
    with pytest.raises((IntegrityError, DataError)):
        write_around_the_application(Appointment.objects.get(), **columns)


@pytest.mark.parametrize(
    "columns",
    [
        {"actor": "staff"},
        {"actor": "clock"},
        {"actor": "nobody"},
        {"api_key_id": None},
        {"to_status": "free"},
        {"from_status": "free"},
        {"to_status": "cancelled"},
    ],
    ids=repr,
)
def test_the_database_refuses_an_event_that_cannot_be(
    booking: Booking, columns: dict[str, Any]
) -> None:
    event = Event.objects.get(booking=booking)
    with pytest.raises(IntegrityError):
        write_around_the_application(event, **columns)


@pytest.mark.parametrize(
    "columns", [{"length": 0}, {"total_appointments": 0}, {"total_appointments": 1001}], ids=repr
)
def test_the_database_refuses_a_series_that_cannot_be(
    scene: Scene, columns: dict[str, Any]
) -> None:
    scene.booking(recurring=True)
    with pytest.raises(IntegrityError):
        write_around_the_application(Series.objects.get(), **columns)


def test_the_database_refuses_a_second_occurrence_on_the_same_day(scene: Scene) -> None:
    first = scene.booking(recurring=True)
    second = Booking.objects.exclude(pk=first.pk)[0]
    with pytest.raises(IntegrityError):
        write_around_the_application(second, series_date=first.series_date)
