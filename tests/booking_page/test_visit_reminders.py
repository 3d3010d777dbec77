"""The page that ends reminders: by a mail program (RFC 8058), by a person, and back."""

from typing import Any

import pytest
from django.test import Client
from django.test.client import MULTIPART_CONTENT

from bookings.models import Appointment, ReminderOptOut
from bookings.scheduling import appointments
from bookings.scheduling.actors import PATIENT
from tests.booking_page.visits import House, Phone
from tests.desk.world import said
from tests.factories import NOON

pytestmark = pytest.mark.django_db
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def house(clock: Any, db: None, settings: Any) -> House:
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example.org"}
    return House()


def visit(house: House, email: str = "ada@example.org") -> Appointment:
    fields: Any = {"status": "booked", "first_name": "Ada", "email": email}
    opening = house.opening(hour=8 + house.practice.bookings.count())
    return appointments.take(booking_id=opening.pk, fields=fields, by=PATIENT, now=NOON)


@pytest.mark.parametrize("is_multipart", [True, False])
def test_a_mail_program_ends_them_with_one_request(house: House, is_multipart: bool) -> None:
    phone = Phone(visit(house))
    body: Any = ONE_CLICK if is_multipart else "List-Unsubscribe=One-Click"
    kind = MULTIPART_CONTENT if is_multipart else "application/x-www-form-urlencoded"
    for _ in range(2):
        answer = phone.client.post(f"{phone.address}/reminders", body, kind)
        assert answer.status_code == 200
        assert not answer.cookies
    assert ReminderOptOut.objects.get().at == NOON
    assert "Your reminders are off" in phone.reads("/reminders")


def test_a_person_ends_them_and_has_them_again(house: House) -> None:
    phone = Phone(visit(house))
    assert "E-mail reminders" in phone.reads()
    assert "Stop reminders" in phone.reads("/reminders")
    for wanted, shown in (("off", "Send me reminders again"), ("on", "Stop reminders")):
        answer = phone.client.post(f"{phone.address}/reminders", {"reminders": wanted})
        assert (answer.status_code, answer["Location"]) == (303, f"{phone.address}/reminders")
        assert shown in phone.reads("/reminders")
    assert not ReminderOptOut.objects.exists()


def test_it_is_of_all_visits_of_the_address_in_this_practice(house: House) -> None:
    first, second = Phone(visit(house)), Phone(visit(house))
    others = [Phone(visit(house, "bea@example.org")), Phone(visit(House()))]
    first.client.post(f"{first.address}/reminders", ONE_CLICK)
    assert "Your reminders are off" in second.reads("/reminders")
    for other in others:
        assert "Stop reminders" in other.reads("/reminders")
    second.client.post(f"{second.address}/reminders", {"reminders": "on"})
    assert "Stop reminders" in first.reads("/reminders")


def test_they_are_not_spoken_of_where_no_mail_goes(house: House, settings: Any) -> None:
    settings.EMAIL_URL = {}
    assert "E-mail reminders" not in Phone(visit(house)).reads()


def test_it_is_in_spanish_and_the_mail_program_does_not_choose(house: House) -> None:
    phone = Phone(visit(house), "/es")
    assert "¿Ya no desea recibir recordatorios?" in phone.reads("/reminders")
    answer = phone.client.post(f"{phone.address}/reminders", ONE_CLICK)
    assert "Ya no recibirá recordatorios" in said(answer)


def test_a_mail_program_ends_them_from_the_mail_of_a_visit_that_is_cancelled(house: House) -> None:
    phone = Phone(first := visit(house))
    appointments.cancel(appointment_id=first.pk, by=PATIENT, now=NOON)
    assert "E-mail reminders" not in phone.reads()
    assert phone.client.post(f"{phone.address}/reminders", ONE_CLICK).status_code == 200
    assert ReminderOptOut.objects.get().appointment == first


@pytest.mark.parametrize(
    "fields",
    [{}, {"reminders": "\x00"}, {"reminders": ["on", "x"]}, {"List-Unsubscribe": "one-click"}],
)
def test_anything_else_changes_nothing(house: House, fields: Any) -> None:
    phone = Phone(visit(house))
    answer = phone.client.post(f"{phone.address}/reminders", fields)
    assert answer.status_code == 303
    assert not ReminderOptOut.objects.exists()


def test_a_link_that_is_nobodys_ends_nothing(house: House) -> None:
    visit(house)
    assert Client().post(f"/visit/{'A' * 27}/reminders", ONE_CLICK).status_code == 404
    assert not ReminderOptOut.objects.exists()
