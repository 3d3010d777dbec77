"""The command `purge`: data retention of patients' data."""

from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.core.management import CommandError, call_command
from django.db import connection, transaction

from bookings.models import Appointment, Booking, Event, PatientHold
from bookings.patients import purge as purging
from bookings.patients import record
from bookings.patients.record import NOBODY, PARTNER_FIELDS
from bookings.scheduling import appointments
from openchair.api.models import KeptAnswer
from tests.bookings.test_patients import PATIENT, take
from tests.conftest import Caller, together
from tests.factories import NOON, Scene

MILLISECOND = timedelta(milliseconds=1)
ENDS = datetime.fromisoformat("2026-06-02T10:00-04:00")
"""When the opening that Scene.booking() makes is over."""


def purge(older_than: str = "90d", **options: Any) -> str:
    out = StringIO()
    call_command("purge", "--older-than", older_than, stdout=out, **options)
    return out.getvalue()


def place_in(scene: Scene, booking: Booking, **fields: Any) -> Appointment:
    told: Any = {**PATIENT, **fields}
    return appointments.take(booking_id=booking.pk, fields=told, by=scene.actor, now=NOON)


def known(place: Appointment) -> bool:
    place.refresh_from_db()
    return place.person != NOBODY


def rows(*tables: str) -> list[Any]:
    """Return every row of these tables, all columns."""
    found = []
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}" ORDER BY 1')
            found.append(cursor.fetchall())
    return found


def test_nothing_of_the_patient_is_left_and_everything_else_is(
    scene: Scene, api: Caller, clock: Any
) -> None:
    path = take(api, scene.booking(total_appointments=2))["Location"]
    stays = ("bookings_booking", "bookings_event", "bookings_feed")
    practice = f"/onlinescheduling/practice/{scene.practice.pk}"
    feed, listed = f"{practice}/changes", f"{practice}/appointments"
    before, events = rows(*stays), api("GET", feed).json()
    assert len(events["changes"]) == 3
    shown, tag = api("GET", path).json(), api("GET", path)["ETag"]
    clock.move_to(ENDS + timedelta(days=90) + MILLISECOND)

    assert purge().startswith("Removed the patients' data of 1 appointments and 0 ")

    assert rows(*stays) == before
    assert api("GET", feed).json() == events
    assert "canary" not in str(rows("bookings_appointment")).casefold()
    place = Appointment.objects.get()
    assert (place.patient, place.patient_key) == (None, None)
    digests = [*record.by_email(PATIENT["email"]), *record.by_phone(PATIENT["phone"])]
    assert not any(digest in str(rows("bookings_appointment")) for digest in digests)
    empty = shown | dict.fromkeys(PARTNER_FIELDS, "")
    assert api("GET", path).json() == empty
    assert api("GET", listed).json() == [empty]
    assert api("GET", f"{listed}?since=2026-06-03T00:00Z").json() == []
    assert api("GET", path)["ETag"] != tag


def test_an_appointment_is_kept_until_it_ended_that_long_ago(scene: Scene, clock: Any) -> None:
    place = place_in(scene, scene.booking(), status="booked")
    clock.move_to(ENDS + timedelta(days=90))
    assert "of 0 app" in purge()
    assert known(place)
    clock.shift(MILLISECOND)
    assert "of 1 app" in purge()
    assert not known(place)
    assert "of 0 app" in purge()


def test_what_was_made_long_ago_for_the_future_stays(scene: Scene, clock: Any) -> None:
    booking = scene.booking(total_appointments=2)
    kept, cancelled = (place_in(scene, booking, status="booked") for _ in range(2))
    appointments.cancel(appointment_id=cancelled.pk, by=scene.actor, now=NOON)
    Booking.objects.update(start_datetime=NOON + timedelta(days=90), length=60)
    clock.move_to(NOON + timedelta(days=90, minutes=30))
    assert "of 1 app" in purge("1d")
    assert (known(kept), known(cancelled)) == (True, False)


def test_a_range_booking_goes_by_its_exact_time(range_scene: Scene, clock: Any) -> None:
    booking = range_scene.booking(total_appointments=2)
    waiting, booked = (place_in(range_scene, booking, status="reserved") for _ in range(2))
    Appointment.objects.filter(pk=booked.pk).update(start_datetime=ENDS + timedelta(days=20))
    clock.move_to(ENDS + timedelta(days=15))
    assert "of 1 app" in purge("10d")
    assert (known(waiting), known(booked)) == (False, True)


def test_without_a_time_the_last_change_counts(scene: Scene, clock: Any) -> None:
    place = place_in(scene, scene.booking())
    Booking.objects.update(start_datetime=None, status="pending")
    clock.move_to(NOON + timedelta(days=1))
    purge("1d")
    assert known(place)
    clock.shift(MILLISECOND)
    purge("1d")
    assert not known(place)


def test_a_dry_run_counts_and_changes_nothing(scene: Scene, api: Caller, clock: Any) -> None:
    take(api, scene.booking())
    Session.objects.create(session_key="s", session_data="", expire_date=NOON)
    clock.move_to(ENDS + timedelta(days=91))
    PatientHold.objects.create(
        group_id="a", practice=scene.practice, page="p", address="a", places=1, pending_until=NOON
    )
    tables = ("bookings_appointment", "api_keptanswer", "django_session", "bookings_patienthold")
    before = rows(*tables)
    counts = (
        "the patients' data of 1 appointments and 0 waiting list entries, 1 answers kept for "
        "retries, 1 ended sessions and 1 ended holds of booking pages"
    )
    assert purge(dry_run=True) == f"Would remove {counts}.\n"
    assert rows(*tables) == before
    assert purge() == f"Removed {counts}.\n"
    assert not KeptAnswer.objects.exists()
    assert not Session.objects.exists()
    assert not PatientHold.objects.exists()
    assert Event.objects.exists()


def test_it_goes_on_past_a_batch(scene: Scene, clock: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(purging, "AT_ONCE", 2)
    booking = scene.booking(total_appointments=5)
    for _ in range(5):
        place_in(scene, booking)
    clock.move_to(ENDS + timedelta(days=91))
    assert "of 5 app" in purge()
    assert not Appointment.objects.filter(patient__isnull=False).exists()


@pytest.mark.skipif(connection.vendor == "sqlite", reason="SQLite has one writer at a time")
@pytest.mark.django_db(transaction=True)
def test_it_waits_for_nobody(scene: Scene, clock: Any) -> None:
    place = place_in(scene, scene.booking())
    clock.move_to(ENDS + timedelta(days=91))
    with transaction.atomic():
        Booking.objects.select_for_update().get()
        (said,) = together(1, purge)
    assert "of 0 app" in said
    assert known(place)
    assert "of 1 app" in purge()


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("0d", "at least 1d"),
        *((odd, "whole days, such as 90d") for odd in ("", "90", "12h", "1.5d", "9" * 9 + "d")),
    ],
)
def test_other_ages_are_refused(db: None, said: str, sentence: str) -> None:
    with pytest.raises(CommandError, match=sentence):
        purge(said)
