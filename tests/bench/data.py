"""Data for the speed benchmark, the same for the product and the references beside it.

    DATABASE_URL=… python -m tests.bench.data PRACTICES BOOKINGS MIDDLE LARGE

fills an empty, migrated database with PRACTICES practices of 3 locations with BOOKINGS bookings
each, and two more practices with MIDDLE and LARGE bookings in all, and prints as JSON where to
look. On PostgreSQL the references' own tables (tests/bench/references) get the same rows.
"""

import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import django
from django.contrib.auth import get_user_model
from django.db import connection, models, transaction
from django.test import Client

LETTERS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ZONES = (
    "America/New_York",
    "America/Chicago",
    "America/Denver",
    "America/Los_Angeles",
    "America/Phoenix",
)
OPEN, PENDING = 30, 5  # of each location; all else is booked
OTHER_KEYS = 500
REFERENCES = Path(__file__).parent / "references"

AS_TRIGGERS_DEMAND = """
    SELECT count(*) = (SELECT count(*) FROM bookings_booking) FROM bookings_booking b
    JOIN practices_location l ON l.id = b.location_id AND l.practice_id = b.practice_id
    JOIN practices_doctor d ON d.id = b.doctor_id AND d.practice_id = b.practice_id
    LEFT JOIN (
        SELECT booking_id, count(*) FILTER (WHERE status = 'pending') AS pending,
               count(*) FILTER (WHERE status = 'booked') AS booked
        FROM bookings_appointment GROUP BY booking_id
    ) a ON a.booking_id = b.id
    WHERE b.places_pending = coalesce(a.pending, 0) AND b.places_booked = coalesce(a.booked, 0)
        AND b.places_reserved = 0
"""
SAME_FOR_REFERENCES = """
    INSERT INTO practice SELECT row_number() OVER (ORDER BY id), id, name FROM practices_practice;
    INSERT INTO location SELECT row_number() OVER (ORDER BY l.id), l.id, p.id, l.name, l.timezone
        FROM practices_location l JOIN practice p ON p.public_id = l.practice_id;
    INSERT INTO api_key SELECT id, digest, label, true, true FROM practices_apikey;
    INSERT INTO booking (public_id, practice_id, location_id, status, length, recurring,
            range_booking, start_at, doctor_id, available_appointments, total_appointments,
            created_by_id, updated_at, created_at)
        SELECT b.id, l.practice_id, l.id, b.status, b.length, b.recurring, false, b.start_datetime,
            b.doctor_id, b.total_appointments - b.places_booked, b.total_appointments,
            (SELECT min(id) FROM api_key), b.updated_at, b.created_at
        FROM bookings_booking b JOIN location l ON l.public_id = b.location_id;
"""


def public_id(number: int, salt: int) -> str:
    """Return the five letters of a number; no two numbers have the same."""
    rest = (number * 387_420_489 + salt * 52_000_003) % len(LETTERS) ** 5
    letters = ""
    for _ in range(5):
        rest, letter = divmod(rest, len(LETTERS))
        letters += LETTERS[letter]
    return letters


class Loader:
    """Inserts rows of a model, most columns of which are those of a sample."""

    def __init__(self, sample: models.Model, varying: tuple[str, ...]) -> None:
        fields: Any = sample._meta.concrete_fields
        self.table = sample._meta.db_table
        self.columns = ", ".join(field.column for field in fields)
        self.values = [
            field.get_db_prep_save(getattr(sample, field.attname), connection) for field in fields
        ]
        self.places = [[field.column for field in fields].index(name) for name in varying]

    def load(self, rows: Iterator[tuple[Any, ...]]) -> None:
        """Insert rows of the varying columns."""
        if connection.vendor == "postgresql":
            line = [
                "%s" if place in self.places else _copied(value)
                for place, value in enumerate(self.values)
            ]
            # The order of the varying columns is that of the table.
            text = "\t".join(line) + "\n"
            with connection.cursor() as cursor:
                statement = f"COPY {self.table} ({self.columns}) FROM STDIN"
                with cursor.cursor.copy(statement) as copy:
                    for row in rows:
                        copy.write(text % row)
            return
        marks = ", ".join(["%s"] * len(self.values))
        statement = f"INSERT INTO {self.table} ({self.columns}) VALUES ({marks})"
        with connection.cursor() as cursor:
            cursor.executemany(statement, [self._whole(row) for row in rows])

    def _whole(self, row: tuple[Any, ...]) -> list[Any]:
        values = list(self.values)
        for place, value in zip(self.places, row, strict=True):
            values[place] = value
        return values


def _copied(value: Any) -> str:
    """Format for COPY; the samples need no escapes."""
    return "\\N" if value is None else str(value).replace("%", "%%")


def _written(instant: datetime) -> str:
    """Format an instant as both engines parse it, and as SQLite stores it."""
    return f"{instant:%Y-%m-%d %H:%M:%S}"


class World:
    """What is loaded: practices, partners, then bookings with appointments."""

    def __init__(self, practices: int, per_location: int, sizes: tuple[int, int]) -> None:
        self.today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        thirds = [(size - 2 * (size // 3), size // 3, size // 3) for size in sizes]
        self.sizes = [*[(per_location,) * 3] * practices, *thirds]
        self.locations = [
            (place * 3 + nth, place, size)
            for place, three in enumerate(self.sizes)
            for nth, size in enumerate(three)
        ]

    def bookings(self) -> Iterator[tuple[Any, ...]]:
        """Give id, status, start, location, doctor, practice and the places held and booked."""
        chance = random.Random(7)
        number = 0
        for location, practice, size in self.locations:
            ids = (public_id(location, 2), public_id(location, 4), public_id(practice, 1))
            for nth in range(size):
                number += 1
                status = "open" if nth < OPEN else "pending" if nth < OPEN + PENDING else "booked"
                day = 1 + nth % 14 if nth < OPEN + PENDING else -1 - nth * 700 // size
                start = self.today + timedelta(days=day, minutes=15 * chance.randrange(52, 92))
                held, booked = int(status == "pending"), int(status == "booked")
                until = self.until if held else self.never
                row = (status, _written(start), *ids, held, booked, until)
                yield (public_id(number, 3), *row)

    @property
    def never(self) -> str | None:
        """Return the null of COPY, or of a parameter."""
        return "\\N" if connection.vendor == "postgresql" else None

    @property
    def until(self) -> str:
        """Say when the holds end: not while anybody measures."""
        return _written(self.today + timedelta(days=300))

    def places(self) -> Iterator[tuple[Any, ...]]:
        """Give id, booking, status and end of hold of each place taken."""
        number = 0
        for booking_id, status, *_, held, _booked, until in self.bookings():
            if status != "open":
                number += 1
                since = _written(self.today) if held else self.never
                yield public_id(number, 5), booking_id, status, since, until


def fill(world: World) -> dict[str, Any]:
    """Load everything, and return where to look."""
    from practices.models import (  # Django has to be set up first
        ApiKey,
        Doctor,
        Location,
        Partner,
        Practice,
    )

    partner = Partner.objects.create(
        pk="bench", name="Bench", special_authorization=True, all_practices=True
    )
    _, key = ApiKey.objects.issue(partner)
    for number in range(OTHER_KEYS):
        ApiKey.objects.issue(partner, label=f"other {number}")
    practices = range(len(world.sizes))
    Practice.objects.bulk_create(
        Practice(pk=public_id(one, 1), name=f"Practice {one}") for one in practices
    )
    Location.objects.bulk_create(
        Location(
            pk=public_id(one, 2),
            practice_id=public_id(practice, 1),
            name=f"Location {one}",
            timezone=ZONES[one % len(ZONES)],
        )
        for one, practice, _ in world.locations
    )
    Doctor.objects.bulk_create(
        Doctor(pk=public_id(one, 4), practice_id=public_id(practice, 1), name=f"Dr. {one}")
        for one, practice, _ in world.locations
    )
    Doctor.locations.through.objects.bulk_create(
        Doctor.locations.through(doctor_id=public_id(one, 4), location_id=public_id(one, 2))
        for one, _, _ in world.locations
    )
    with transaction.atomic():
        _openings(world)
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            for text in ("schema.sql", "indexes.sql"):
                if text == "indexes.sql":
                    cursor.execute(SAME_FOR_REFERENCES)
                cursor.execute((REFERENCES / text).read_text())
            cursor.execute("VACUUM ANALYZE")
    staff = get_user_model().objects.create_superuser("bench")
    browser = Client()
    browser.force_login(staff)
    middle = (len(world.sizes) - 3) // 2 * 3
    return {
        "key": key,
        "bookings": sum(map(sum, world.sizes)),
        "cookie": f"sessionid={browser.cookies['sessionid'].value}",
        "practice": public_id(middle // 3, 1),
        "location": public_id(middle, 2),
        "writable": public_id(middle + 1, 2),
        "doctor": public_id(middle + 1, 4),
        "middle": public_id(practices[-2], 1),
        "large": public_id(practices[-1], 1),
    }


def _openings(world: World) -> None:
    """Insert bookings and appointments, and in one statement what triggers do row by row."""
    from bookings.models import Appointment, Booking  # Django has to be set up first

    then = world.today - timedelta(days=20)
    booking = Booking(length=60, updated_at=then, created_at=then)
    place = Appointment(updated_at=then, created_at=then)
    columns = ("id", "status", "start_datetime", "location_id", "doctor_id", "practice_id")
    counts = ("places_pending", "places_booked", "pending_until")
    on_postgresql = connection.vendor == "postgresql"
    with connection.cursor() as cursor:
        if on_postgresql:
            # For this transaction alone, in which there are no other rows.
            cursor.execute(
                "SET LOCAL session_replication_role = replica; SET statement_timeout = 0"
            )
        Loader(booking, columns + counts).load(world.bookings())
        kept = ("id", "booking_id", "status", "held_since", "pending_until")
        Loader(place, kept).load(world.places())
        if on_postgresql:
            cursor.execute("ANALYZE")
            cursor.execute(AS_TRIGGERS_DEMAND)
            assert cursor.fetchone() == (True,)


def main(arguments: list[str]) -> None:
    """Fill the database that DATABASE_URL names."""
    practices, per_location, *sizes = map(int, arguments)
    world = World(practices, per_location, (sizes[0], sizes[1]))
    sys.stdout.write(json.dumps(fill(world)) + "\n")


if __name__ == "__main__":
    django.setup()
    main(sys.argv[1:])
