"""The page Numbers: the next 14 days, who came, and by week, doctor, location and partner."""

import csv
from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.models import Appointment
from bookings.scheduling import appointments, bookings
from bookings.scheduling.actors import Actor
from tests import factories
from tests.desk.world import House, browser, said
from tests.factories import NOON

TWO_DAYS_LATER = NOON + timedelta(days=2)


def at(day: int, hour: int = 9) -> datetime:
    """Return a wall time in June 2026; the 1st is the Monday on which tests begin."""
    return datetime(2026, 6, day, hour)  # noqa: DTZ001  # wall time


def test_the_next_two_weeks_are_counted(range_house: House, range_desk: Client) -> None:
    """A booking with a waiting patient and two places, and Wednesday's weekly one, twice."""
    range_house.publish("F", start=at(15))  # the 15th day
    held = range_house.publish("H", start=at(14))
    range_house.patient(held, status="pending", now=NOON)
    text = said(range_desk.get(range_house.address("numbers/")))
    head = "Location Openings Places Filled Need a time On hold"
    assert f"{head} Rosalva Square 4 12 1 1 1" in text


class World:
    """A practice with two doctors, two locations, two partners; its Tuesday has passed.

    At Quillon Square, of six places: one came, one no-show, one late cancel, one not marked, one
    taken without a patient. At Harbor, in a closed opening nobody, and of two places one came.
    """

    def __init__(self, house: House, clock: Traveller) -> None:
        self.house = house
        self.harbor = factories.location(house.practice, name="Harbor")
        self.doctor = factories.doctor(self.harbor, name="Dr. Adams")
        partner = factories.partner(granted=[house.practice], name="=BrightCall")
        self.call = Actor.of_key(factories.key(partner)[0])
        self.office = Actor.of_staff(house.staff)
        second = house.publish("S", start=at(2, 11), by=self.office)
        self.missed = self.take(second.pk, by=self.call)
        self.unmarked = self.take(second.pk, by=self.office)
        self.late = self.take(house.booking.pk, by=self.call)
        self.take_whole(house.booking.pk, by=house.actor)
        there: Any = {"location_id": self.harbor.pk, "doctor_id": self.doctor.pk}
        closed = house.publish("C", start=at(2), **there)
        bookings.close(booking_id=closed.pk, by=self.office, now=NOON)
        third = house.publish("T", start=at(2, 14), total_appointments=2, **there)
        self.kept = self.take(third.pk, by=self.office)
        self.gone = self.take(third.pk, by=self.office)
        appointments.cancel(appointment_id=self.gone, by=self.office, now=NOON)
        appointments.cancel(appointment_id=self.late, by=self.office, now=NOON, late=True)
        clock.move_to(TWO_DAYS_LATER)
        for visit, attendance in (
            (house.appointment.pk, "kept"),
            (self.missed, "no_show"),
            (self.kept, "kept"),
        ):
            fields: Any = {"attendance": attendance}
            appointments.edit(
                appointment_id=visit, fields=fields, by=self.office, now=TWO_DAYS_LATER
            )
        self.desk = browser(house.staff)

    def take(self, booking_id: str, *, by: Actor) -> str:
        fields: Any = {"status": "booked", "first_name": "Zenobia", "phone": "555 0199"}
        return appointments.take(booking_id=booking_id, fields=fields, by=by, now=NOON).pk

    def take_whole(self, booking_id: str, *, by: Actor) -> None:
        """Take the last place of an opening without a patient."""
        bookings.edit(booking_id=booking_id, fields={"status": "booked"}, by=by, now=NOON)

    def text(self, query: str = "") -> str:
        return said(self.desk.get(self.house.address(f"numbers/{query}")))

    def rows(self, query: str = "") -> list[list[str]]:
        """Return the rows of the CSV, without its heading."""
        answer = self.desk.get(self.house.address(f"numbers.csv{query}"))
        return list(csv.reader(StringIO(answer.content.decode("utf-8-sig"))))[1:]


@pytest.fixture
def world(house: House, clock: Traveller) -> World:
    return World(house, clock)


def test_three_figures_come_first(world: World) -> None:
    """Eight places, of which five taken; one no-show of four who were expected and are marked."""
    text = world.text()
    assert "Fill rate 63% 5 of 8 places taken" in text
    assert "No-show rate 25% 1 no-show, 2 came, 1 late cancel; 1 not marked yet" in text
    assert "Next free time today Wednesday, June 3, 2026, 2:00 PM, Dr. Quillonson" in text


def test_by_doctor_and_location_what_was_offered_taken_and_who_came(world: World) -> None:
    head = "Not marked Cancelled No-show rate Days to visit"
    text = world.text()
    assert f"{head} Dr. Adams 1 2 0 1 1 50% 1 1 0 0 0 1 0% 1.1" in text
    assert "Dr. Quillonson 2 6 0 4 2 67% 4 1 1 1 1 0 33% 0.9" in text
    assert f"{head} Harbor 1 2 0 1 1 50% 1 1 0 0 0 1 0% 1.1" in text
    assert "Quillon Square 2 6 0 4 2 67% 4 1 1 1 1 0 33% 0.9" in text


def test_two_doctors_of_one_name_are_two_rows(world: World) -> None:
    world.doctor.name = world.house.doctor.name
    world.doctor.save()
    text = world.text()
    assert "Days to visit Dr. Quillonson" in text
    assert "Dr. Quillonson 1 2 0 1 1 50%" in text
    assert "Dr. Quillonson 2 6 0 4 2 67%" in text


def test_by_who_booked_a_place_without_a_patient_is_taken_and_no_visit(world: World) -> None:
    text = world.text()
    assert "Days to visit =BrightCall 1 2 0 1 1 0 0 50% 0.9" in text
    assert "Quillon Partner 2 1 1 0 0 0 0 0% 0.9" in text
    assert "Staff 2 2 1 0 0 1 1 0% 1.0" in text


def test_the_current_week_is_counted_and_weeks_end_on_sundays(
    world: World, clock: Traveller
) -> None:
    begins = "Free, unused Places Fill rate Apr 6, 2026 0 0 0 0 0 0 0 –"
    assert begins in world.text()
    assert "Jun 1, 2026 5 2 1 1 1 3 8 63%" in world.text()
    sunday = world.house.publish("U", start=at(7, 23))
    clock.move_to(NOON + timedelta(days=7))
    world.desk = browser(world.house.staff)
    assert sunday.start_datetime is not None
    assert sunday.start_datetime.day == 8, "in UTC it is Monday"
    # The weekly one of Wednesday, and that of Sunday, have six places more.
    assert "Jun 1, 2026 5 2 1 1 1 9 14 36% Jun 8, 2026 0 0 0 0 0 0 0 –" in world.text()


def test_bars_are_drawn_with_a_text_beside_them(world: World) -> None:
    svg = world.desk.get(world.house.address("numbers/")).content.decode().split("oc-chart")[1]
    bars = svg.split("</defs>")[1].split("</svg>")[0]
    assert [part in bars for part in ("came", "no_show", "late", "unmarked", "free")] == [True] * 5
    assert bars.count("<rect") == 5
    assert 'role="img" aria-label="Stacked bars by week' in svg


@pytest.mark.parametrize(
    ("period", "places"),
    [("week", "8"), ("month", "8"), ("last-month", "0"), ("12-months", "8"), ("no such", "8")],
)
def test_a_period_is_chosen(world: World, period: str, places: str) -> None:
    assert f"of {places} places taken" in world.text(f"?period={period}")


def test_what_is_later_today_does_not_count_yet(house: House, clock: Traveller) -> None:
    clock.move_to(datetime.fromisoformat("2026-06-02T12:59:59Z"))
    assert "0 of 0 places taken" in said(browser(house.staff).get(house.address("numbers/")))
    clock.shift(2)
    assert "1 of 3 places taken" in said(browser(house.staff).get(house.address("numbers/")))


def test_a_range_visit_is_on_the_day_of_its_exact_time(
    range_house: House, clock: Traveller
) -> None:
    """The opening is of Tuesday the 2nd, and its patient comes on the Monday after."""
    fields: Any = {"start_datetime": at(8, 9)}
    visit = range_house.appointment.pk
    appointments.edit(appointment_id=visit, fields=fields, by=range_house.actor, now=NOON)
    range_house.patient(range_house.booking)
    clock.move_to(NOON + timedelta(days=8))
    text = said(browser(range_house.staff).get(range_house.address("numbers/")))
    # Two places are taken; who was never given a time had no visit.
    assert "Jun 1, 2026 0 0 0 0 0 4 6 33% Jun 8, 2026 1 0 0 0 1 0 0 –" in text
    assert "Rosalva Partner 2 1 0 0 0 1 0 – 6.9" in text


def test_the_csv_has_counts_and_no_names_of_patients_and_no_formula(world: World) -> None:
    rows = world.rows("?period=week")
    assert ["2026-06-01", "Harbor", "Dr. Adams", "", "1", "2", "0", "1", *["0"] * 7, ""] in rows
    assert {row[3] for row in rows} == {"", "Staff", "'=BrightCall", "Quillon Partner"}
    assert sum(int(row[8]) for row in rows) == 5
    patients = Appointment.objects.filter(booking__practice=world.house.practice)
    for secret in ("Zenobia", "Quillonette", "555", *(visit.pk for visit in patients)):
        assert secret not in str(rows)


def test_another_practices_visits_are_never_counted(world: World, clock: Traveller) -> None:
    before = world.text(), world.rows()
    clock.move_to(NOON)
    other = House("Sable")
    clock.move_to(TWO_DAYS_LATER)
    fields: Any = {"attendance": "no_show"}
    appointments.edit(
        appointment_id=other.appointment.pk, fields=fields, by=other.actor, now=TWO_DAYS_LATER
    )
    assert (world.text(), world.rows()) == before
    assert world.desk.get(other.address("numbers.csv")).status_code == 404
