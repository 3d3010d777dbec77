"""Attendance: whether patients came, said once the time has come, and never guessed."""

from datetime import timedelta
from typing import Any

import pytest

from bookings.models import Appointment, Event
from bookings.scheduling import appointments
from openchair.errors import Refused
from tests.conftest import Caller
from tests.factories import NOON, Scene

TOMORROW_NOON = NOON + timedelta(days=1)


def take(scene: Scene, **fields: Any) -> Appointment:
    said: Any = {"status": "booked", "first_name": "Ada", **fields}
    return appointments.take(booking_id=scene.booking().pk, fields=said, by=scene.actor, now=NOON)


def mark(
    scene: Scene, visit: Appointment, attendance: str, now: Any = TOMORROW_NOON
) -> Appointment:
    return appointments.edit(
        appointment_id=visit.pk, fields={"attendance": attendance}, by=scene.actor, now=now
    )


def test_whoever_came_is_marked_once_the_time_has_come(
    api: Caller, scene: Scene, clock: Any
) -> None:
    visit = take(scene)
    assert visit.attendance == "unknown"
    path = f"/onlinescheduling/appointment/{visit.pk}"
    early = api("PUT", path, {"attendance": "kept"})
    assert (early.status_code, early.json()["reason"]) == (409, "too_early")
    clock.move_to(TOMORROW_NOON)
    for attendance in ("kept", "no_show", "late_cancel", "unknown"):
        said = api("PUT", path, {"attendance": attendance})
        assert (said.status_code, said.json()["attendance"]) == (200, attendance)
        assert api("GET", path).json()["attendance"] == attendance


def test_nobody_has_come_when_the_place_is_taken(api: Caller, scene: Scene, clock: Any) -> None:
    path = f"/onlinescheduling/booking/{scene.booking().pk}/appointments"
    early = api("POST", path, {"status": "booked", "attendance": "kept"})
    assert (early.status_code, early.json()["reason"]) == (409, "too_early")
    assert not Appointment.objects.exists()
    assert api("POST", path, {"status": "booked", "attendance": "unknown"}).status_code == 201


def test_each_mark_and_its_undoing_are_in_the_history(scene: Scene, clock: Any) -> None:
    visit = take(scene)
    clock.move_to(TOMORROW_NOON)
    for attendance in ("no_show", "no_show", "unknown"):
        mark(scene, visit, attendance)
    marks = Event.objects.filter(appointment=visit, to_status="booked", from_status="booked")
    assert [event.changes["attendance"] for event in marks.order_by("id")] == [
        ["unknown", "no_show"],
        ["no_show", "unknown"],
    ]


@pytest.mark.parametrize("attendance", ["kept", "no_show"])
def test_whoever_cancelled_neither_came_nor_stayed_away(
    scene: Scene, clock: Any, attendance: str
) -> None:
    visit = take(scene)
    appointments.cancel(appointment_id=visit.pk, by=scene.actor, now=NOON)
    clock.move_to(TOMORROW_NOON)
    with pytest.raises(Refused, match="is cancelled"):
        mark(scene, visit, attendance)
    assert mark(scene, visit, "late_cancel").attendance == "late_cancel"


def test_a_late_cancel_is_said_when_it_is_cancelled(scene: Scene, clock: Any) -> None:
    visit = take(scene)
    at: Any = {"appointment_id": visit.pk, "by": scene.actor, "now": NOON}
    cancelled = appointments.cancel(**at, reason="The car broke down.", late=True)
    assert (cancelled.status, cancelled.attendance) == ("cancelled", "late_cancel")
    assert cancelled.person.cancel_reason == "The car broke down."
    assert "car" not in str(Event.objects.filter(appointment=visit).values())


def test_a_late_cancel_is_undone_before_the_time_too(scene: Scene) -> None:
    visit = take(scene)
    appointments.cancel(appointment_id=visit.pk, by=scene.actor, now=NOON, late=True)
    with pytest.raises(Refused, match="not come yet"):
        mark(scene, visit, "kept", NOON)
    assert mark(scene, visit, "unknown", NOON).attendance == "unknown"


def test_whoever_came_gets_no_exact_time_to_come(range_scene: Scene, clock: Any) -> None:
    start = TOMORROW_NOON - timedelta(hours=1)
    visit = take(range_scene, start_datetime=start)
    clock.move_to(TOMORROW_NOON)
    mark(range_scene, visit, "kept")
    fields: Any = {"start_datetime": TOMORROW_NOON + timedelta(hours=1)}
    at: Any = {"appointment_id": visit.pk, "by": range_scene.actor, "now": TOMORROW_NOON}
    with pytest.raises(Refused, match="is over, with its attendance kept"):
        appointments.edit(**at, fields=fields)
    assert appointments.edit(**at, fields={"start_datetime": start}).attendance == "kept"


def test_a_range_patient_has_no_attendance_before_the_exact_time(
    range_scene: Scene, clock: Any
) -> None:
    visit = take(range_scene, status="reserved")
    clock.move_to(TOMORROW_NOON)
    with pytest.raises(Refused, match="not come yet"):
        mark(range_scene, visit, "kept")


def test_partners_do_not_read_what_the_office_notes(api: Caller, scene: Scene, clock: Any) -> None:
    visit = take(scene, note="Wheelchair.")
    shown = api("GET", f"/onlinescheduling/appointment/{visit.pk}")
    assert "Wheelchair" not in shown.content.decode()
    assert not {"note", "cancel_reason"} & shown.json().keys()
    sent = api("PUT", f"/onlinescheduling/appointment/{visit.pk}", {"note": "x"})
    assert sent.status_code == 400
