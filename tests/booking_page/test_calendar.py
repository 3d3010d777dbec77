"""The calendar file of a visit, read back as calendars read it."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from icalendar import Calendar

from bookings.booking_page import calendar
from bookings.models import Appointment
from bookings.scheduling import appointments, bookings, moving
from bookings.scheduling.actors import PATIENT
from practices.models import Kind, Location
from tests.factories import NOON, Scene

LINK = "https://visits.example/visit/abc"
SECRETS = {
    "first_name": "Quill",
    "last_name": "Quillfield",
    "email": "quill@example.org",
    "phone": "555 0177",
    "guardian_name": "Quillmother",
    "message": "quill fears needles",
}


def take(scene: Scene, status: str = "booked", **values: Any) -> Appointment:
    fields: Any = {"status": status, **SECRETS}
    booking = scene.booking(**values)
    return appointments.take(booking_id=booking.pk, fields=fields, by=PATIENT, now=NOON)


def made(of: Appointment) -> Any:
    rows = Appointment.objects.select_related("booking__location", "booking__practice")
    file = calendar.for_visit(rows.get(pk=of.pk), link=LINK, now=NOON)
    assert file is not None
    return Calendar.from_ical(file)


def entry(of: Appointment) -> Any:
    (event,) = made(of).events
    return event


def test_it_has_what_a_family_needs_and_nothing_of_the_patient(scene: Scene) -> None:
    Location.objects.update(
        street_address="12 Main St; Suite 4",
        city="Chester\r\nATTENDEE:mailto:eve@example.org",
        state="NY",
        zip="10001",
        office_phone="(212) 555-0100",
    )
    visit = take(scene, length=40)
    file = made(visit)
    (event,) = file.events
    assert (file["METHOD"], file["VERSION"]) == ("PUBLISH", "2.0")
    assert event["UID"] == f"{visit.pk}@{scene.practice.pk}.openchair"
    assert event["SUMMARY"] == "Visit at Acme Orthodontic Group"
    assert event["LOCATION"].startswith("Chesterfield, 12 Main St; Suite 4, Chester\n")
    assert event["LOCATION"].endswith(", NY 10001")
    assert LINK in event["DESCRIPTION"]
    assert "(212) 555-0100" in event["DESCRIPTION"]
    assert (event["CLASS"], event["STATUS"]) == ("PRIVATE", "CONFIRMED")
    assert (event.end - event.start, event["DTSTAMP"].dt) == (timedelta(minutes=40), NOON)
    assert not {"ATTENDEE", "ORGANIZER"} & {*event}
    text = file.to_ical().decode().lower()
    assert [secret for secret in SECRETS.values() if secret.lower() in text] == []


@pytest.mark.parametrize("timezone", ["America/New_York", "America/Phoenix", "Pacific/Honolulu"])
@pytest.mark.parametrize("around", [datetime(2027, 3, 14, 12), datetime(2026, 11, 1, 12)])  # noqa: DTZ001  # wall time
def test_a_calendar_without_zones_of_its_own_reads_the_right_instant(
    clock: Any, db: None, timezone: str, around: datetime
) -> None:
    scene = Scene(timezone=timezone)
    for hours in range(-36, 37, 12):
        visit = take(scene, start_datetime=around + timedelta(hours=hours))
        file = made(visit)
        (zone,) = file.timezones
        (event,) = file.events
        assert event["DTSTART"].params["TZID"] == zone.tz_name == timezone
        read = event.start.replace(tzinfo=zone.to_tz()).astimezone(UTC)
        assert read == visit.booking.start_datetime


def test_a_time_that_the_clocks_show_twice_is_no_other_time(scene: Scene) -> None:
    for hour in (5, 6):
        at = datetime(2026, 11, 1, hour, 30, tzinfo=UTC)
        assert entry(take(scene, start_datetime=at)).start.astimezone(UTC) == at


def test_its_sequence_rises_with_the_time_the_place_and_the_status_alone(scene: Scene) -> None:
    here, visit = scene.booking(), take(scene)
    uid, seen = entry(visit)["UID"], [entry(visit).sequence]

    def see() -> None:
        event = entry(visit)
        assert event["UID"] == uid
        seen.append(event.sequence)

    said: Any = {"by": PATIENT, "now": NOON}
    appointments.confirm(appointment_id=visit.pk, **said)
    appointments.edit(appointment_id=visit.pk, fields={"message": "a word", "note": "n"}, **said)
    see()
    moving.move(to={visit.pk: {"booking_id": here.pk}}, **said)
    see()
    later: Any = {"start_datetime": NOON + timedelta(days=3)}
    bookings.edit(booking_id=here.pk, fields=later, **said)
    see()
    appointments.cancel(appointment_id=visit.pk, **said)
    see()
    assert seen == [0, 0, 1, 2, 3]


def test_a_cancelled_visit_is_the_same_entry_cancelled(scene: Scene) -> None:
    visit = take(scene)
    was = entry(visit)
    appointments.cancel(appointment_id=visit.pk, by=PATIENT, now=NOON)
    now = entry(visit)
    assert (now["UID"], now.start) == (was["UID"], was.start)
    assert now["STATUS"] == "CANCELLED"


def test_a_range_visit_is_its_day_until_the_office_gives_it_a_time(range_scene: Scene) -> None:
    visit = take(range_scene, "reserved", start_datetime=datetime(2026, 6, 2, 20))  # noqa: DTZ001
    event = entry(visit)
    assert (event.start, event.end) == (date(2026, 6, 2), date(2026, 6, 3))
    assert event["SUMMARY"] == "Visit at Acme Orthodontic Group, time to be set"
    assert (event["STATUS"], event["TRANSP"]) == ("TENTATIVE", "TRANSPARENT")
    exact: Any = {"start_datetime": datetime(2026, 6, 4, 14, 30)}  # noqa: DTZ001
    appointments.edit(appointment_id=visit.pk, fields=exact, by=range_scene.actor, now=NOON)
    timed = entry(visit)
    assert timed.start.isoformat() == "2026-06-04T14:30:00-05:00"
    assert timed["SUMMARY"] == "Visit at Acme Orthodontic Group"
    assert timed.sequence > event.sequence


@pytest.mark.parametrize("kind", Kind)
def test_a_hold_has_none(clock: Any, db: None, kind: Kind) -> None:
    visit = take(Scene(kind), "pending")
    assert calendar.for_visit(visit, link=LINK, now=NOON) is None
