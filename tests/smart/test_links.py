"""A link to an opening: whoever follows it gets that very time, or is offered the nearest."""

from datetime import datetime
from typing import Any

import pytest

from bookings.models import Appointment, Booking
from bookings.scheduling import appointments
from practices.models import Kind
from tests import factories
from tests.booking_page.walk import ADULT, CHILDREN, Patient
from tests.factories import NOON, Scene
from tests.smart import lists

NINE = datetime(2026, 6, 2, 9)  # noqa: DTZ001  # wall time


@pytest.fixture(params=[Kind.EXACT, Kind.RANGE])
def scene(request: Any, clock: Any, db: None) -> Scene:
    """Make a listed practice where two doctors begin at the same time."""
    scene = Scene(request.param)
    lists.listed(scene)
    other = factories.doctor(scene.location, name="Dr. Keller")
    for doctor in (scene.doctor, other):
        scene.booking(doctor_id=doctor.pk, start_datetime=NINE, length=45)
    return scene


def followed(scene: Scene, booking: str, clock: Any, more: str = "", language: str = "") -> Patient:
    url = lists.link(lists.slots(scene.practice)[booking]) + more
    return Patient(scene.practice, clock).get(f"{language}{url}")


def test_each_link_holds_its_own_opening_with_where_the_patient_came_from(
    scene: Scene, clock: Any
) -> None:
    for booking in Booking.objects.all():
        patient = followed(scene, booking.pk, clock, "&booking-referral=r-1&source=finder")
        assert "Tuesday, June 2, 2026" in patient.text
        assert booking.doctor.name in patient.text
        assert patient.response.headers["X-Robots-Tag"] == "noindex"
        assert not booking.appointments.exists()
        assert patient.send(**ADULT).step == "details"
        held = booking.appointments.get()
        assert held.status == "pending"
        assert (held.source, held.attribution) == ("finder", {"booking_referral": "r-1"})


def test_the_parameters_come_in_any_order(scene: Scene, clock: Any) -> None:
    booking = Booking.objects.latest("pk")
    address, _, query = lists.link(lists.slots(scene.practice)[booking.pk]).partition("?")
    patient = Patient(scene.practice, clock).get(f"{address}?source=finder&{query}")
    patient.send(**ADULT)
    assert booking.appointments.get().source == "finder"


def test_one_that_is_gone_is_said_at_once_and_the_nearest_are_offered(
    scene: Scene, clock: Any
) -> None:
    first, second = Booking.objects.order_by("pk")
    patient = followed(scene, first.pk, clock)
    appointments.take(booking_id=first.pk, fields={}, by=scene.actor, now=NOON)
    again = patient.get(patient.address)
    assert "is no longer free" in again.text
    assert again.send(**ADULT).step == "gone"
    again.send(time=next(iter(again.choices("time").values())))
    assert again.step == "details"
    assert second.appointments.count() == 1


def test_two_people_get_places_from_that_time_on(scene: Scene, clock: Any) -> None:
    first, second = Booking.objects.order_by("-pk")
    patient = followed(scene, first.pk, clock).send(**CHILDREN)
    assert patient.step == "details"
    assert {each.booking_id for each in Appointment.objects.all()} == {first.pk, second.pk}


def test_another_time_can_be_chosen_afterwards_and_the_link_is_forgotten(
    scene: Scene, clock: Any
) -> None:
    scene.booking(start_datetime=NINE.replace(day=3))
    patient = followed(scene, Booking.objects.earliest("start_datetime", "pk").pk, clock)
    patient.send(**ADULT).follow("Back").follow("Back").choose("day", "Wednesday").choose("time")
    (held,) = Appointment.objects.filter(status="pending")
    assert held.booking.start_datetime is not None
    assert held.booking.start_datetime.day == 3


def test_it_is_in_spanish_too(scene: Scene, clock: Any) -> None:
    booking = Booking.objects.latest("pk")
    patient = followed(scene, booking.pk, clock).follow("Español")
    assert "le guardaremos esta hora" in patient.text
    assert "Martes 2 de junio de 2026" in patient.text
    assert patient.send(**ADULT).step == "details"
    assert booking.appointments.count() == 1


@pytest.mark.parametrize("named", ["nothing", "x" * 40, "%00", "..%2F", "another practice's"])
def test_a_link_to_nothing_is_the_page_as_it_is(named: str, scene: Scene, clock: Any) -> None:
    if named.startswith("another"):
        named = Scene().booking().pk
    patient = Patient(scene.practice, clock).get(f"/book/{scene.practice.pk}?opening={named}")
    assert patient.status == 200
    assert "2026" not in patient.text
    assert patient.send(**ADULT).step == "where"
