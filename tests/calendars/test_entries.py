"""What a doctor's calendar has: which openings and visits, as what, and how they change."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from bookings.models import Appointment, Booking
from bookings.scheduling import appointments, bookings, moving
from bookings.scheduling.actors import PATIENT
from practices.models import CalendarSettings, Doctor, Kind, Location, Practice
from tests.calendars.conftest import Reader
from tests.conftest import only_once_on_sqlite
from tests.factories import NOON, Scene, doctor
from tests.messages.test_calendar_part import by_ical_js

SECRETS: Any = {
    "first_name": "Quill",
    "last_name": "Quillfield",
    "email": "quill@example.org",
    "phone": "555 0177",
    "guardian_name": "Quillmother",
    "message": "quill fears needles",
}


def take(
    booking: Booking, status: str = "booked", *, now: datetime = NOON, **values: Any
) -> Appointment:
    fields: Any = {"status": status, **SECRETS, **values}
    return appointments.take(booking_id=booking.pk, fields=fields, by=PATIENT, now=now)


def edit(booking: Booking, **fields: Any) -> None:
    said: Any = fields
    bookings.edit(booking_id=booking.pk, fields=said, by=PATIENT, now=NOON)


def close(booking: Booking) -> None:
    bookings.close(booking_id=booking.pk, by=PATIENT, now=NOON)


def test_a_file_is_published_and_says_how_often_to_look(reader: Reader) -> None:
    reader.scene.booking()
    answer = reader.ask()
    text = answer.content.decode()
    assert "REFRESH-INTERVAL;VALUE=DURATION:PT15M\r\n" in text
    assert "X-PUBLISHED-TTL:PT15M\r\n" in text
    assert "X-WR-CALNAME:Dr. Reyes – Acme Orthodontic Group\r\n" in text
    assert text.index("METHOD:PUBLISH") < text.index("\nBEGIN:V")
    assert not {"ATTENDEE", "ORGANIZER", "VALARM"} & {*text.replace(":", "\r\n").split("\r\n")}
    calendar = Calendar.from_ical(answer.content)
    (zone,) = calendar.timezones
    assert (zone.tz_name, len(zone.to_ical()) < 600) == ("America/New_York", True)
    assert answer.headers["Last-Modified"] == "Mon, 01 Jun 2026 16:00:00 GMT"


def test_an_opening_is_where_when_and_how_full_and_nobody(reader: Reader) -> None:
    opening = reader.scene.booking(length=40, total_appointments=3)
    for _ in range(2):
        take(opening)
    entry = reader.entry()
    assert entry["UID"] == (
        f"opening.{opening.pk}.{reader.scene.doctor.pk}@{reader.scene.practice.pk}.openchair"
    )
    assert (entry.start, entry.end - entry.start) == (opening.start_datetime, timedelta(minutes=40))
    assert entry["DTSTART"].params["TZID"] == "America/New_York"
    assert (entry["SUMMARY"], entry["LOCATION"]) == ("3 places, 2 taken", "Chesterfield")
    assert (entry["STATUS"], entry["TRANSP"], entry["CLASS"]) == ("CONFIRMED", "OPAQUE", "PRIVATE")
    text = reader.ask().content.decode().lower()
    assert [word for word in SECRETS.values() if word.lower() in text] == []


@pytest.mark.parametrize(
    ("status", "said", "transp"),
    [("", "Free", "TRANSPARENT"), ("pending", "On hold", "OPAQUE"), ("booked", "Booked", "OPAQUE")],
)
def test_one_place_is_a_word(reader: Reader, status: str, said: str, transp: str) -> None:
    opening = reader.scene.booking()
    if status:
        take(opening, status)
    entry = reader.entry()
    assert (entry["SUMMARY"], entry["TRANSP"]) == (said, transp)


def test_a_hold_that_is_over_is_free_again(reader: Reader, clock: Any) -> None:
    take(reader.scene.booking(), "pending")
    clock.shift(timedelta(hours=1))
    assert reader.said() == ["Free"]


def test_it_reaches_from_14_days_ago_to_180_ahead(reader: Reader) -> None:
    midnight = NOON.replace(hour=0)
    for days, hours in ((-15, 23), (-14, 0), (180, 23), (181, 0)):
        at = midnight + timedelta(days=days, hours=hours)
        reader.scene.booking(start_datetime=at, now=at)
    bounds = [each.start.astimezone(UTC) - midnight for each in reader.entries()]
    assert bounds == [timedelta(days=-14), timedelta(days=180, hours=23)]


def test_no_other_doctors_and_no_opening_without_a_time(reader: Reader) -> None:
    scene = reader.scene
    scene.booking(doctor_id=doctor(scene.location).pk)
    scene.booking(start_datetime=None)
    assert reader.entries() == []
    Scene().booking()
    assert reader.entries() == []


def test_its_sequence_rises_with_time_length_place_and_closing_alone(reader: Reader) -> None:
    opening = reader.scene.booking(total_appointments=2)
    seen = []

    def see() -> None:
        entry = reader.entry()
        seen.append(entry.sequence)

    see()
    visit = take(opening)
    appointments.cancel(appointment_id=visit.pk, by=PATIENT, now=NOON)
    edit(opening, total_appointments=3)
    see()
    edit(opening, start_datetime=NOON + timedelta(days=3))
    see()
    edit(opening, length=30)
    see()
    close(opening)
    see()
    assert seen == [0, 0, 1, 2, 3]
    assert reader.entry()["STATUS"] == "CANCELLED"


def test_one_that_was_closed_stays_14_days_as_cancelled(reader: Reader, clock: Any) -> None:
    opening = reader.scene.booking(start_datetime=NOON + timedelta(days=30))
    close(opening)
    for days, left in ((0, ["Cancelled"]), (14, ["Cancelled"]), (15, [])):
        clock.move_to(NOON + timedelta(days=days))
        assert reader.said() == left, days


def test_one_that_moves_to_another_doctor_is_cancelled_in_the_firsts(
    reader: Reader, clock: Any
) -> None:
    scene = reader.scene
    opening, first = scene.booking(), Reader(scene, "ben.ode")
    second = doctor(scene.location, name="Dr. Okafor")
    before = first.entry()
    edit(opening, doctor_id=second.pk)
    entry = first.entry()
    assert (entry["UID"], entry["STATUS"]) == (before["UID"], "CANCELLED")
    assert entry.sequence == before.sequence + 1
    scene.doctor = second
    there = Reader(scene, "cy.park").entry()
    assert (there["STATUS"], there["SUMMARY"]) == ("CONFIRMED", "Free")
    assert there["UID"] != entry["UID"]
    edit(opening, doctor_id=first.link.doctor_id)
    assert (first.entry()["STATUS"], first.entry().sequence) == ("CONFIRMED", 2)
    edit(opening, doctor_id=second.pk)
    clock.move_to(NOON + timedelta(days=15))
    assert first.entries() == []


def test_a_range_opening_is_its_part_of_the_day_and_timed_visits_are_their_own(
    range_reader: Reader,
) -> None:
    scene = range_reader.scene
    opening = scene.booking(total_appointments=3, length=120)
    assert range_reader.said() == ["Morning: 3 places, 0 taken"]
    visit = take(opening, "reserved")
    take(opening, "reserved")
    (entry,) = range_reader.entries()
    assert (entry["SUMMARY"], entry["TRANSP"]) == ("Morning: 3 places, 2 taken", "OPAQUE")
    exact: Any = {"start_datetime": datetime(2026, 6, 4, 14, 30)}  # noqa: DTZ001  # wall time
    appointments.edit(appointment_id=visit.pk, fields=exact, by=scene.actor, now=NOON)
    rest, timed = range_reader.entries()
    assert (rest["SUMMARY"], timed["SUMMARY"]) == ("Morning: 2 places, 1 taken", "Visit")
    assert timed.start.isoformat() == "2026-06-04T14:30:00-05:00"
    assert timed["UID"] == (f"visit.{visit.pk}.{scene.doctor.pk}@{scene.practice.pk}.openchair")
    appointments.cancel(appointment_id=visit.pk, by=PATIENT, now=NOON)
    rest, gone = range_reader.entries()
    assert rest["SUMMARY"] == "Morning: 3 places, 1 taken"
    assert (gone["UID"], gone["STATUS"]) == (timed["UID"], "CANCELLED")
    assert gone.sequence == timed.sequence + 1


def test_a_timed_visit_that_moves_to_another_doctor_is_cancelled_in_the_firsts(
    range_reader: Reader,
) -> None:
    scene = range_reader.scene
    exact: Any = {"start_datetime": datetime(2026, 6, 2, 9, 30)}  # noqa: DTZ001  # wall time
    visit = take(scene.booking(), **exact)
    there = scene.booking(doctor_id=doctor(scene.location).pk)
    (before,) = range_reader.entries()
    to: Any = {visit.pk: {"booking_id": there.pk, **exact}}
    moving.move(to=to, by=scene.actor, now=NOON)
    free, gone = range_reader.entries()
    assert free["SUMMARY"] == "Morning: Free"
    assert (gone["UID"], gone["STATUS"]) == (before["UID"], "CANCELLED")
    assert gone.sequence == before.sequence + 1


def test_an_exact_time_is_shown_when_its_opening_is_not(range_reader: Reader, clock: Any) -> None:
    exact: Any = {"start_datetime": NOON + timedelta(days=30)}
    take(range_reader.scene.booking(total_appointments=2), **exact)
    clock.move_to(NOON + timedelta(days=20))
    assert range_reader.said() == ["Visit"]


@pytest.mark.parametrize("kind", Kind)
def test_names_are_there_only_where_the_practice_wants_them(
    clock: Any, db: None, kind: Kind
) -> None:
    reader = Reader(Scene(kind))
    is_range = kind == Kind.RANGE
    opening = reader.scene.booking(total_appointments=2)
    take(opening, "reserved" if is_range else "booked")
    exact: Any = {"start_datetime": datetime(2026, 6, 2, 9, 30)} if is_range else {}  # noqa: DTZ001
    now = NOON + timedelta(minutes=1)
    take(
        opening,
        now=now,
        first_name="Ana;\v\u2028",
        last_name="O\\Ruiz,\r\nATTENDEE:mailto:eve@x",
        **exact,
    )
    assert "Quillfield" not in str(reader.said())
    CalendarSettings.objects.create(practice=reader.scene.practice, names=True)
    odd = "Ana; O\\Ruiz, ATTENDEE:mailto:eve@x"
    named = {
        Kind.EXACT: [f"2 places, 2 taken: Quill Quillfield, {odd}"],
        Kind.RANGE: ["Morning: Quill Quillfield", odd],
    }
    assert reader.said() == named[kind]
    text = reader.ask().content.decode()
    assert [word for word in ("555 0177", "Quillmother", "needles") if word in text] == []
    assert not [line for line in text.split("\r\n") if line.startswith("ATTENDEE")]


def test_a_doctors_name_adds_no_line_to_the_file(reader: Reader) -> None:
    Doctor.objects.update(name="Dr. Reyes\r\nX-EVIL:1\rX-EVIL:2\nX-EVIL:3\x85X-EVIL:4")
    lines = reader.ask().content.decode().splitlines()
    assert [line for line in lines if line.startswith("X-EVIL")] == []


def test_lines_are_short_and_end_as_they_have_to(reader: Reader) -> None:
    Practice.objects.update(name="Zahnärzte; für „Kinder“, und so weiter " * 4)
    Location.objects.update(name="Büro\\Straße, Ü; " * 9)
    Doctor.objects.update(name="Dr. Ünal; Söhne, Töchter\\")
    reader.scene.booking()
    body = reader.ask().content
    assert body.endswith(b"END:VCALENDAR\r\n")
    assert body.count(b"\n") == body.count(b"\r\n")
    assert max(len(line) for line in body.split(b"\r\n")) <= 75
    calendar = reader.calendar()
    assert calendar["X-WR-CALNAME"].startswith("Dr. Ünal; Söhne, Töchter\\ – Zahnärzte; für")
    assert calendar.events[0]["LOCATION"] == "Büro\\Straße, Ü; " * 9


@pytest.mark.parametrize("timezone", ["America/New_York", "America/Phoenix"])
def test_in_the_weeks_of_a_clock_change_every_instant_is_read_right(
    clock: Any, db: None, timezone: str
) -> None:
    scene = Scene(timezone=timezone)
    reader = Reader(scene)
    clock.move_to(datetime(2026, 10, 20, tzinfo=UTC))
    begin = datetime(2026, 10, 30, 4, 30, tzinfo=UTC)
    instants = [begin + timedelta(hours=hours) for hours in range(0, 72, 1)]
    for at in [*instants, *(at + timedelta(days=133) for at in instants)]:  # and in March
        scene.booking(start_datetime=at, length=15)
    calendar = reader.calendar()
    (zone,) = calendar.timezones
    read = set()
    for each in calendar.events:
        is_wall_time = "TZID" in each["DTSTART"].params
        at = each.start.replace(tzinfo=zone.to_tz()) if is_wall_time else each.start
        read.add(at.astimezone(UTC))
    assert read == set(Booking.objects.values_list("start_datetime", flat=True))


@only_once_on_sqlite
def test_another_library_reads_the_same(reader: Reader) -> None:
    opening = reader.scene.booking(length=40)
    close(opening)
    (read,) = by_ical_js([reader.ask().content.decode()])
    assert read == {
        "method": "PUBLISH",
        "uid": reader.entry()["UID"],
        "sequence": [1],
        "status": ["CANCELLED"],
        "from": "2026-06-02T13:00:00.000Z",
        "to": "2026-06-02T13:40:00.000Z",
        "organizer": [],
        "attendee": [],
        "alarms": 0,
    }
