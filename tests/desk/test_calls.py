"""Close openings, and the call list on which it ends."""

import re
from datetime import datetime, timedelta
from typing import Any

from django.test import Client
from time_machine import Traveller

from bookings.models import Appointment, Booking, Call, Status
from bookings.scheduling import appointments, moving
from bookings.scheduling.actors import Actor
from tests.desk.world import House, browser, person, said
from tests.factories import NOON


def closing(house: House, **values: Any) -> dict[str, Any]:
    """Return the form's data to close a doctor's Tuesday."""
    return {
        "doctor": house.doctor.pk,
        "location": "",
        "first": "2026-06-02",
        "last": "2026-06-02",
        **values,
    }


def test_closing_lists_those_with_patients_apart(house: House, desk: Client) -> None:
    free = house.publish("F", start=datetime(2026, 6, 2, 14))  # noqa: DTZ001
    preview = desk.post(house.address("close/"), closing(house))
    page = preview.content.decode()
    assert re.findall(r'name="opening" value="(\w+)"', page) == [free.pk]
    kept = said(preview).split("Not closed: patients for the call list")[1]
    assert "Quillonette Quillonfield Tue, Jun 2, 2026, 9:00 AM" in kept
    assert "555 0100" in kept
    assert Booking.objects.filter(status=Status.CLOSED).count() == 0


def test_only_what_was_seen_and_is_still_untouched_is_closed(house: House, desk: Client) -> None:
    free = house.publish("F", start=datetime(2026, 6, 2, 14))  # noqa: DTZ001
    taken = house.publish("T", start=datetime(2026, 6, 2, 15))  # noqa: DTZ001
    desk.post(house.address("close/"), closing(house))
    house.patient(taken, first_name="Meanwhile")
    unseen = house.publish("U", start=datetime(2026, 6, 2, 16))  # noqa: DTZ001
    sent = {**closing(house), "do": "close", "opening": [free.pk, taken.pk, house.booking.pk]}
    done = said(desk.post(house.address("close/"), sent, follow=True))
    assert "1 opening closed." in done
    assert (
        "because somebody was faster: Tue, Jun 2, 2026, 9:00 AM; Tue, Jun 2, 2026, 3:00 PM." in done
    )
    closed = Booking.objects.filter(status=Status.CLOSED)
    assert [booking.pk for booking in closed] == [free.pk]
    assert closed.get().events.order_by("id").last().user == house.staff  # type: ignore[union-attr]
    assert Appointment.objects.filter(status="booked").count() == 2
    unseen.refresh_from_db()
    assert unseen.status == Status.OPEN


def close_tuesday(desk: Client, house: House) -> Any:
    return desk.post(house.address("close/"), {**closing(house), "do": "close"}, follow=True)


def listed(desk: Client, house: House) -> tuple[str, str]:
    """Return the texts of who is to be called, and of what is done."""
    text = said(desk.get(house.address("calls/")))
    to_do, _, done = text.partition("Done today")
    return to_do, done


def test_closing_offers_today_and_the_doctor_of_the_address(house: House, desk: Client) -> None:
    page = desk.get(house.address(f"close/?doctor={house.doctor.pk}")).content.decode()
    assert page.count('value="2026-06-01"') == 2
    assert f'value="{house.doctor.pk}" selected' in page


def test_closing_ends_on_a_list_of_whom_to_call_that_stays(house: House, desk: Client) -> None:
    done = said(close_tuesday(desk, house))
    assert "1 patient on the call list. They still have their visits." in done
    assert "Call list 1 left" in done
    close_tuesday(desk, house)
    to_do, _ = listed(desk, house)
    assert to_do.count("Quillonette Quillonfield 555 0100 Tue, Jun 2, 2026, 9:00 AM") == 1
    assert "On the list since Mon, Jun 1, 2026, 12:00 PM, by Quillonina" in to_do
    house.appointment.refresh_from_db()
    assert house.appointment.status == "booked"


def test_a_range_patient_is_called_on_the_day_of_the_exact_time(
    range_house: House, range_desk: Client
) -> None:
    fields: Any = {"start_datetime": datetime(2026, 6, 4, 9, 15)}  # noqa: DTZ001
    appointments.edit(
        appointment_id=range_house.appointment.pk, fields=fields, by=range_house.actor, now=NOON
    )
    close_tuesday(range_desk, range_house)
    assert not Call.objects.exists()
    thursday = closing(range_house, first="2026-06-04", last="2026-06-04", do="close")
    range_desk.post(range_house.address("close/"), thursday)
    assert Call.objects.get().appointment == range_house.appointment


def test_who_was_reached_is_said_and_can_be_undone(house: House, desk: Client) -> None:
    close_tuesday(desk, house)
    call = Call.objects.get()
    reached = house.address(f"calls/{call.pk}/reached/")
    assert "Marked as reached." in said(desk.post(reached, follow=True))
    to_do, done = listed(desk, house)
    assert "Nobody is left to call" in to_do
    assert "Quillonette Quillonfield reached by Quillonina" in done
    colleague = browser(person("colleague", house.practice))
    assert "This patient was reached by" in said(colleague.post(reached, follow=True))
    desk.post(reached, {"undo": "yes"})
    assert "Quillonette Quillonfield" in listed(desk, house)[0]


def test_what_becomes_of_the_visit_ends_the_call(
    house: House, desk: Client, clock: Traveller
) -> None:
    there = house.publish("T", start=datetime(2026, 6, 9, 9))  # noqa: DTZ001
    moved = house.patient(house.booking, first_name="Mo")
    cancelled = house.patient(house.booking, first_name="Cy")
    close_tuesday(desk, house)
    by: Any = {"by": Actor.of_staff(house.staff), "now": NOON}
    moving.move(to={moved.pk: {"booking_id": there.pk}}, **by)
    appointments.cancel(appointment_id=cancelled.pk, **by)
    to_do, done = listed(desk, house)
    assert "Call list 1 left" in to_do
    assert "Mo Quillonfield moved to Tue, Jun 9, 2026, 9:00 AM" in done
    assert "Cy Quillonfield cancelled" in done
    clock.shift(timedelta(days=1))
    to_do, done = listed(browser(house.staff), house)
    assert "Nobody is left to call" in to_do
    assert "Quillonette Quillonfield the time has passed" in done


def test_another_practices_calls_are_not_found(house: House, range_house: House) -> None:
    close_tuesday(browser(range_house.staff), range_house)
    call = Call.objects.get()
    stranger = browser(house.staff)
    assert stranger.post(house.address(f"calls/{call.pk}/reached/")).status_code == 404
    assert Call.objects.get().done_at is None
