"""Requests: order of waiting patients, exact times, conflicts."""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.desk.desk import version
from bookings.models import Appointment, AppointmentStatus, Event
from bookings.scheduling import appointments
from tests.conftest import together
from tests.desk.world import House, browser, person, said
from tests.factories import NOON


def assign(desk: Client, house: House, time: str = "2026-06-02T09:20", **values: Any) -> Any:
    """Send the exact time of the waiting patient."""
    path = house.address(f"ranges/{house.appointment.pk}/assign/")
    return desk.post(path, {"start": time, **values}, follow=True)


def test_who_waits_for_one_day_is_shown_longest_first(range_house: House, clock: Traveller) -> None:
    clock.shift(timedelta(hours=2))
    range_house.patient(range_house.booking, first_name="Late", now=NOON + timedelta(hours=2))
    clock.shift(timedelta(hours=1))
    text = said(browser(range_house.staff).get(range_house.address("ranges/")))
    assert "2 patients need an exact time" in text
    assert text.index("Rosalvaette Rosalvafield") < text.index("Late Rosalvafield")
    assert "Rosalvaette Rosalvafield Waiting 3 h 0 min" in text
    assert "Late Rosalvafield Waiting 1 h 0 min" in text
    assert text.count("Tuesday, June 2, 2026") == 1
    assert text.count("Morning (before 10:00 AM) Dr. Rosalvason · Rosalva Square · 60 min") == 2
    assert "Requests 2 waiting" in text


def test_an_exact_time_books_the_place(range_house: House, range_desk: Client) -> None:
    done = assign(range_desk, range_house)
    assert "The visit is booked for Tue, Jun 2, 2026, 9:20 AM." in said(done)
    assert "Nobody needs a time" in said(done)
    range_house.appointment.refresh_from_db()
    assert range_house.appointment.status == AppointmentStatus.BOOKED
    assert range_house.appointment.start_datetime is not None
    assert range_house.appointment.start_datetime.isoformat() == "2026-06-02T13:20:00+00:00"
    events = Event.objects.filter(appointment=range_house.appointment, user=range_house.staff)
    assert events.order_by("id")[0].to_status == "booked"


@pytest.mark.parametrize("time", ["2026-06-02T10:00", "2026-06-03T09:20"])
def test_a_time_outside_the_range_is_confirmed_first(
    time: str, range_house: House, range_desk: Client
) -> None:
    asked = assign(range_desk, range_house, time)
    assert asked.status_code == 400
    assert "This is outside Tue, Jun 2, morning" in said(asked)
    assert f'value="{time}"' in asked.content.decode()
    range_house.appointment.refresh_from_db()
    assert range_house.appointment.status == AppointmentStatus.RESERVED
    assert "is booked for" in said(assign(range_desk, range_house, time, outside="on"))


@pytest.mark.parametrize(
    ("time", "text"),
    [
        ("", "This field is required"),
        ("soon", "Enter a date and a time"),
        ("2026-05-02T09:20", "This time has passed"),
        ("2027-03-14T02:30", "does not exist"),
    ],
)
def test_an_impossible_time_is_refused(
    time: str, text: str, range_house: House, range_desk: Client
) -> None:
    assert text in said(assign(range_desk, range_house, time))
    range_house.appointment.refresh_from_db()
    assert range_house.appointment.status == AppointmentStatus.RESERVED


def test_the_second_of_two_people_is_told_what_the_first_did(
    range_house: House, range_desk: Client
) -> None:
    colleague = browser(person("colleague", range_house.practice, first_name="Colleen"))
    assign(colleague, range_house, "2026-06-02T09:20")
    second = said(assign(range_desk, range_house, "2026-06-02T09:40"))
    assert "Colleen made it “booked for Tue, Jun 2, 2026, 9:20 AM”" in second
    range_house.appointment.refresh_from_db()
    assert range_house.appointment.start_datetime is not None
    assert range_house.appointment.start_datetime.minute == 20


def suggested(page: Any, patient: Appointment) -> list[str]:
    """Return the times of a patient's row that a click books."""
    row = page.content.decode().partition(f'id="place-{patient.pk}"')[2].partition("</li>")[0]
    found: list[str] = re.findall(r'name="start" value="2026-06-02T([\d:]+)"><', row)
    return found


def test_three_times_at_which_the_doctor_is_free_are_suggested(
    range_house: House, range_desk: Client
) -> None:
    late = range_house.publish("N", start=datetime(2026, 6, 2, 12), length=20)  # noqa: DTZ001
    first, second = (range_house.patient(late, first_name=name) for name in ("One", "Two"))
    page = range_desk.get(range_house.address("ranges/"))
    assert suggested(page, range_house.appointment) == ["09:00", "09:15", "09:30"]
    fields: Any = {"status": "booked", "start_datetime": datetime(2026, 6, 2, 12, 10)}  # noqa: DTZ001
    appointments.edit(appointment_id=first.pk, fields=fields, by=range_house.actor, now=NOON)
    page = range_desk.get(range_house.address("ranges/"))
    assert suggested(page, second) == ["12:30", "12:45", "13:00"]
    assert "Dr. Rosalvason has patients at 12:10 PM" in said(page)


def test_the_soonest_day_is_first_and_one_that_has_passed_is_marked(
    range_house: House, clock: Traveller
) -> None:
    later = range_house.publish("N", start=datetime(2026, 6, 4, 9))  # noqa: DTZ001
    range_house.patient(later, first_name="Later")
    clock.shift(timedelta(days=2))
    page = browser(range_house.staff).get(range_house.address("ranges/"))
    text = said(page)
    assert "Tuesday, June 2, 2026 passed" in text
    assert text.index("Rosalvaette Rosalvafield") < text.index("Thursday, June 4, 2026 Later")
    assert "This day has passed: move the visit." in text
    assert suggested(page, range_house.appointment) == []


def test_a_request_is_cancelled_from_its_row_with_a_reason(
    range_house: House, range_desk: Client
) -> None:
    cancel = range_house.address(f"place/{range_house.appointment.pk}/cancel/")
    sent = {"seen": "reserved", "from_ranges": "yes", "reason": "Moved away"}
    done = said(range_desk.post(cancel, sent, follow=True))
    assert "is cancelled." in done
    assert "Nobody needs a time" in done


@pytest.mark.django_db(transaction=True)
def test_two_at_the_same_moment_never_confirm_the_same_place(clock: Traveller) -> None:
    from practices.models import Kind

    house = House("Rosalva", Kind.RANGE)
    people = [browser(person(f"p{nth}", house.practice)) for nth in range(4)]
    times = iter([f"2026-06-02T09:{minute}" for minute in (10, 20, 30, 40)])
    turns = iter(people)
    clock.move_to(datetime.now(tz=NOON.tzinfo))

    said_to = [said(each) for each in together(4, lambda: assign(next(turns), house, next(times)))]
    assert sum("is booked for" in text for text in said_to) == 1
    assert sum("was changed while you had it open" in text for text in said_to) == 3
    appointment = Appointment.objects.get(pk=house.appointment.pk)
    booked = Event.objects.filter(
        appointment=appointment, from_status="reserved", to_status="booked"
    )
    assert booked.count() == 1


def test_a_practice_with_exact_times_has_nobody_waiting(house: House, desk: Client) -> None:
    assert "so there are no requests" in said(desk.get(house.address("ranges/")))


def test_places_reserved_without_a_patient_wait_for_a_time_too(
    range_house: House, range_desk: Client
) -> None:
    booking = range_house.publish("N", status="reserved")
    text = said(range_desk.get(range_house.address("ranges/")))
    assert "Requests 4 waiting" in text
    assert "3 places taken by Rosalva Partner (needs a time)" in text
    range_desk.post(
        range_house.address(f"opening/{booking.pk}/act/"),
        {"do": "book", "seen": version(booking), "start": "2026-06-02T09:20"},
    )
    text = said(range_desk.get(range_house.address("ranges/")))
    assert "Need a time, no patient named" not in text
    assert "Requests 1 waiting" in text
