"""Whose login ends while they type: what they send is kept until they are back."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.sessions.models import Session
from django.test import Client
from time_machine import Traveller

from bookings.models import Appointment
from openchair.sealing import key_names
from tests.desk.world import House, person
from tests.practices.conftest import PASSWORD, attempt

PATIENT = {"first_name": "Ada", "last_name": "Brook", "phone": "555 0199", "status": "booked"}


@pytest.fixture
def typist(house: House) -> Client:
    """Log in at the practice, in a browser that checks its forms as a real one has to."""
    client = Client(headers={"host": "localhost"})
    assert attempt(client, "quillon-desk", PASSWORD).status_code == 302
    return client


@pytest.fixture
def patients(house: House) -> str:
    """Give the address that takes a place for a patient."""
    return house.address(f"opening/{house.booking.pk}/patient/")


def names() -> set[str]:
    return {place.person.first_name for place in Appointment.objects.all()}


def sent_too_late(typist: Client, path: str, values: dict[str, str], clock: Traveller) -> Any:
    """Send a form when the login has ended, and give the login page that is shown."""
    clock.shift(timedelta(minutes=15))
    return typist.post(path, values, follow=True)


def test_what_was_typed_is_sent_after_the_login(
    typist: Client, patients: str, clock: Traveller
) -> None:
    shown = sent_too_late(typist, patients, PATIENT, clock)
    assert shown.redirect_chain == [(f"/admin/login/?next={patients}", 302)]
    assert "What you sent is kept: log in, and it can be sent again." in shown.content.decode()
    assert "Ada" not in names()

    assert attempt(typist, "quillon-desk", "wrong").status_code == 200
    assert attempt(typist, "quillon-desk", PASSWORD).headers["Location"] == "/admin/kept/"
    kept = typist.get("/admin/kept/").content.decode()
    for name, value in PATIENT.items():
        assert f'<input type="hidden" name="{name}" value="{value}">' in kept
    assert "<dt>First name</dt> <dd>Ada</dd>" in kept

    onward = typist.post("/admin/kept/", PATIENT)
    assert (onward.status_code, onward.headers["Location"]) == (307, patients)
    assert typist.post(patients, PATIENT).status_code == 302
    assert "Ada" in names()
    # Once: whoever goes back to that page does not send it again.
    assert typist.get("/admin/kept/").headers["Location"] == "/admin/"
    assert typist.post("/admin/kept/", PATIENT).headers["Location"] == "/admin/"


def test_it_can_be_left_unsent(typist: Client, patients: str, clock: Traveller) -> None:
    sent_too_late(typist, patients, PATIENT, clock)
    attempt(typist, "quillon-desk", PASSWORD)
    left = typist.post("/admin/kept/?forget")
    assert (left.status_code, left.headers["Location"]) == (302, patients)
    assert typist.get("/admin/kept/").headers["Location"] == "/admin/"
    assert "Ada" not in names()


def test_another_person_does_not_see_it(
    house: House, typist: Client, patients: str, clock: Traveller
) -> None:
    other = person("colleague", house.practice)
    other.set_password(PASSWORD)
    other.save()
    sent_too_late(typist, patients, PATIENT, clock)
    assert attempt(typist, "colleague", PASSWORD).headers["Location"] == "/admin/"
    assert typist.get("/admin/kept/").headers["Location"] == "/admin/"
    typist.post("/admin/logout/")
    assert attempt(typist, "quillon-desk", PASSWORD).headers["Location"] == "/admin/"


def test_it_is_sealed_while_it_is_kept(
    typist: Client, patients: str, clock: Traveller, settings: Any
) -> None:
    sent_too_late(typist, patients, PATIENT, clock)
    (kept,) = (session.get_decoded()["kept_form"] for session in Session.objects.all())
    assert "Brook" not in kept
    # With another key, it is as if nothing had been kept.
    assert len(key_names()) == 1
    settings.PATIENT_KEYS = ["MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="]
    assert attempt(typist, "quillon-desk", PASSWORD).headers["Location"] == "/admin/"


@pytest.mark.parametrize(
    "typed", [{}, {"old_password": PASSWORD, "new_password1": "b"}, {"label": "Key", "once": "x"}]
)
def test_neither_a_secret_is_kept_nor_nothing(
    typist: Client, typed: dict[str, str], clock: Traveller
) -> None:
    shown = sent_too_late(typist, "/admin/password_change/", typed, clock)
    assert "is kept" not in shown.content.decode()
    assert attempt(typist, "quillon-desk", PASSWORD).headers["Location"] == "/admin/"


def test_a_page_that_is_older_than_the_login_is_kept_as_well(house: House, patients: str) -> None:
    client = Client(headers={"host": "localhost"}, enforce_csrf_checks=True)
    client.force_login(house.staff)
    late = client.post(patients, PATIENT, headers={"origin": "http://localhost"})
    assert late.headers["Location"] == "/admin/kept/"
    page = client.get("/admin/kept/").content.decode()
    assert "<dd>Ada</dd>" in page
    token = page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]
    passed_on = {**PATIENT, "csrfmiddlewaretoken": token}
    for path in ("/admin/kept/", patients):
        client.post(path, passed_on, headers={"origin": "http://localhost"})
    assert "Ada" in names()


@pytest.mark.parametrize("origin", ["https://elsewhere.example", "null", None])
def test_what_another_site_sends_is_not_kept(
    origin: str | None, house: House, patients: str
) -> None:
    client = Client(headers={"host": "localhost"}, enforce_csrf_checks=True)
    client.force_login(house.staff)
    refused = client.post(patients, PATIENT, headers={} if origin is None else {"origin": origin})
    assert refused.status_code == 403
    assert "Nothing was changed" in refused.content.decode()
    assert client.get("/admin/kept/").headers["Location"] == "/admin/"
