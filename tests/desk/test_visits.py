"""A patient's visit at the desk: edited, cancelled with a reason, and by two people at once."""

import re
from datetime import datetime, timedelta
from typing import Any

from django.test import Client
from time_machine import Traveller

from bookings.desk.desk import version
from bookings.models import Appointment, Event
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, named, said
from tests.factories import NOON

pytestmark = only_once_on_sqlite


def sent(page: Any) -> dict[str, str]:
    """Return the fields of a patient's form, as the browser sends them."""
    body = page.content.decode()
    fields = dict(re.findall(r'<input[^>]* name="(\w+)"[^>]*? value="([^"]*)"', body))
    return {**fields, "seen": re.findall(r'name="seen" value="(\d+)"', body)[-1]}


def cancel(house: House, desk: Client, **values: str) -> str:
    path = house.address(f"place/{house.appointment.pk}/cancel/")
    return said(desk.post(path, {"seen": "booked", **values}, follow=True))


def test_a_misspelt_name_and_a_note_are_written_down(house: House, desk: Client) -> None:
    path = house.address(f"place/{house.appointment.pk}/")
    form = sent(desk.get(path))
    done = said(desk.post(path, {**form, "first_name": "Ada", "note": "Is shy"}, follow=True))
    assert "Changed: first name and note." in done
    person = named("Ada").person
    assert (person.last_name, person.phone, person.note) == ("Quillonfield", "555 0100", "Is shy")
    history = said(desk.get(path)).partition("History")[2]
    assert "Quillonina Ada Quillonfield: first name and note changed" in history
    last = Event.objects.filter(appointment=house.appointment).order_by("id").last()
    assert last is not None
    assert last.changes == {"patient_fields": ["first_name", "note"]}


def test_of_two_who_edit_a_patient_the_second_is_told_and_keeps_what_was_typed(
    house: House, desk: Client
) -> None:
    path = house.address(f"place/{house.appointment.pk}/")
    form = sent(desk.get(path))
    desk.post(path, {**form, "phone": "212 555 0111"})
    second = desk.post(path, {**form, "phone": "212 555 0122"})
    assert second.status_code == 400
    assert "was changed while you had it open: Quillonina changed phone (Mon, Jun 1, 2026" in said(
        second
    )
    assert 'value="212 555 0122"' in second.content.decode()
    assert named("Quillonette").person.phone == "212 555 0111"
    again = {**sent(second), "phone": "212 555 0122"}
    assert desk.post(path, again).status_code == 302


def test_a_partners_odd_phone_number_does_not_stop_a_note(house: House, desk: Client) -> None:
    house.appointment = house.patient(house.booking, first_name="", last_name="", phone="ask me")
    path = house.address(f"place/{house.appointment.pk}/")
    form = sent(desk.get(path))
    assert desk.post(path, {**form, "note": "Call the partner"}).status_code == 302
    refused = desk.post(path, {**form, "phone": "ask her"})
    assert "“ask her” is not a phone number" in said(refused)


def test_a_visit_is_cancelled_with_a_reason_that_only_the_patients_record_has(
    house: House, desk: Client
) -> None:
    done = cancel(house, desk, reason="Family moved to Ohio", late="on")
    assert "The visit on Tue, Jun 2, 2026, 9:00 AM is cancelled." in done
    assert "booked → cancelled Reason: Family moved to Ohio" in done
    assert "Cancelled late cancel Family moved to Ohio" in done
    house.appointment.refresh_from_db()
    assert (house.appointment.status, house.appointment.attendance) == ("cancelled", "late_cancel")
    assert house.appointment.person.cancel_reason == "Family moved to Ohio"
    assert not Event.objects.filter(changes__icontains="Ohio").exists()
    assert "marked it “late cancel”" in cancel(house, desk)


def test_what_is_cancelled_is_shown_and_no_longer_changed(house: House, desk: Client) -> None:
    path = house.address(f"place/{house.appointment.pk}/")
    form = sent(desk.get(path))
    cancel(house, desk, reason="Moved away")
    page = said(desk.get(path))
    assert "This visit is cancelled: Moved away. It can no longer be changed." in page
    late = {**form, "seen": version(house.appointment), "note": "Too late"}
    assert "This is already closed or cancelled" in said(desk.post(path, late))


def test_who_cancels_what_a_colleague_cancelled_is_told_so(house: House, desk: Client) -> None:
    cancel(house, desk)
    assert "was changed while you had it open: Quillonina made it “cancelled”" in cancel(
        house, desk
    )


def test_once_the_time_has_come_attendance_is_offered_and_undone(
    house: House, desk: Client, clock: Traveller
) -> None:
    booking = house.publish("N", start=datetime(2026, 6, 1, 12, 5))  # noqa: DTZ001
    visit = house.patient(booking, first_name="Ada", last_name="Brook")
    page = house.address(f"opening/{booking.pk}/")
    assert "Came" not in said(desk.get(page))
    clock.move_to(NOON + timedelta(minutes=10))
    assert "Came : Ada Brook No-show : Ada Brook Late cancel" in said(desk.get(page))
    attend = house.address(f"place/{visit.pk}/attendance/")
    came = said(desk.post(attend, {"attendance": "kept", "seen": "unknown"}, follow=True))
    assert "Undo “came”" in came
    assert "Quillonina Ada Brook: came" in came
    undone = said(desk.post(attend, {"attendance": "unknown", "seen": "kept"}, follow=True))
    assert "Ada Brook: came → not marked" in undone
    assert Appointment.objects.get(pk=visit.pk).attendance == "unknown"


def test_what_the_desk_says_puts_no_name_into_a_cookie(house: House, desk: Client) -> None:
    visit = house.address(f"place/{house.appointment.pk}/")
    desk.post(visit, {**sent(desk.get(visit)), "first_name": "Ada"})
    for path, values in (
        (f"opening/{house.booking.pk}/patient/", {"first_name": "Ada", "phone": "212 555 0199"}),
        (f"place/{house.appointment.pk}/cancel/", {"seen": "booked"}),
        (f"place/{house.appointment.pk}/cancel/", {"seen": "booked"}),
    ):
        desk.post(house.address(path), {"last_name": "Brook", **values})
        said_in = desk.cookies["messages"].value
        assert said_in
        assert not re.search("Ada|Brook|Quillonfield", said_in)
