"""The range desk: order of waiting patients, exact times, conflicts."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.desk.desk import version
from bookings.models import Appointment, AppointmentStatus, Event
from tests.conftest import together
from tests.desk.world import House, browser, person, said
from tests.factories import NOON


def assign(desk: Client, house: House, time: str = "2026-06-02T09:20", **values: Any) -> Any:
    """Send the exact time of the waiting patient."""
    path = house.address(f"ranges/{house.appointment.pk}/assign/")
    return desk.post(path, {"start": time, **values}, follow=True)


def test_who_waits_is_shown_longest_first(range_house: House, clock: Traveller) -> None:
    clock.shift(timedelta(hours=2))
    range_house.patient(range_house.booking, first_name="Late", now=NOON + timedelta(hours=2))
    clock.shift(timedelta(hours=1))
    text = said(browser(range_house.staff).get(range_house.address("ranges/")))
    assert "2 patients wait for an exact time" in text
    assert text.index("Rosalvaette Rosalvafield") < text.index("Late Rosalvafield")
    assert "Rosalvaette Rosalvafield Waiting 3 h 0 min" in text
    assert "Late Rosalvafield Waiting 1 h 0 min" in text
    assert "Asked for Tue, Jun 2, morning (before 10:00 AM)" in text
    assert "Range desk 2 waiting" in text


def test_an_exact_time_books_the_place(range_house: House, range_desk: Client) -> None:
    done = assign(range_desk, range_house)
    assert "Rosalvaette Rosalvafield is booked for Tue, Jun 2, 9:20 AM." in said(done)
    assert "Nobody waits for a time" in said(done)
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
        ("soon", "Write a date and a time"),
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


def test_what_a_colleague_has_booked_is_not_given_back(
    range_house: House, range_desk: Client
) -> None:
    assign(range_desk, range_house)
    path = range_house.address(f"ranges/{range_house.appointment.pk}/give-back/")
    assert "was changed while you looked" in said(range_desk.post(path, follow=True))
    range_house.appointment.refresh_from_db()
    assert range_house.appointment.status == AppointmentStatus.BOOKED


def test_a_place_is_given_back(range_house: House, range_desk: Client) -> None:
    path = range_house.address(f"ranges/{range_house.appointment.pk}/give-back/")
    done = range_desk.post(path, follow=True)
    assert "The place of Rosalvaette Rosalvafield is free again." in said(done)
    range_house.booking.refresh_from_db()
    assert range_house.booking.free_places == 3


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
    assert sum("was changed while you looked" in text for text in said_to) == 3
    appointment = Appointment.objects.get(pk=house.appointment.pk)
    booked = Event.objects.filter(
        appointment=appointment, from_status="reserved", to_status="booked"
    )
    assert booked.count() == 1


def test_a_practice_with_exact_times_has_nobody_waiting(house: House, desk: Client) -> None:
    assert "so nobody waits for one" in said(desk.get(house.address("ranges/")))


def test_places_reserved_without_a_patient_wait_for_a_time_too(
    range_house: House, range_desk: Client
) -> None:
    booking = range_house.publish("N", status="reserved")
    text = said(range_desk.get(range_house.address("ranges/")))
    assert "Range desk 4 waiting" in text
    assert "3 places taken by Rosalva Partner (needs a time)" in text
    range_desk.post(
        range_house.address(f"opening/{booking.pk}/act/"),
        {"do": "book", "seen": version(booking), "start": "2026-06-02T09:20"},
    )
    text = said(range_desk.get(range_house.address("ranges/")))
    assert "Reserved without a patient" not in text
    assert "Range desk 1 waiting" in text
