"""A practice's hub and the operator's table: what each has, and what is missing or in trouble."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from bookings.desk import calls, health
from bookings.models import Booking, Delivery, Outcome, Task, TaskKind
from practices.models import BookingPage, Doctor, Kind, Location, Membership, Practice
from tests import factories
from tests.desk.world import House, browser, person, said
from tests.factories import NOON


def troubles(practice: Practice, *, now: datetime = NOON) -> str:
    """Say all of a practice's troubles, and its notes."""
    (found,) = health.of([practice], now=now, with_keys=True)
    return " ".join(each.says for each in found.troubles)


@pytest.fixture
def operator(db: None, clock: Any) -> Client:
    return browser(person("operator", is_superuser=True, last_login=NOON))


def test_an_empty_practice_lacks_everything(db: None, clock: Any) -> None:
    said_of_it = troubles(factories.practice())
    assert said_of_it == "There is no location. There is no doctor. No staff account works for it."


def test_doctors_and_locations_without_each_other_are_said(house: House) -> None:
    Doctor.objects.create(practice=house.practice, name="Dr. Idle")
    factories.location(house.practice, name="Empty Street")
    assert "Dr. Idle works at no location. No doctor works at Empty Street." in troubles(
        house.practice
    )


def test_how_far_openings_go_is_said_by_the_offices_calendar(house: House) -> None:
    assert "Nothing is open" not in troubles(house.practice)
    Booking.objects.filter(start_datetime__gt=NOON + timedelta(days=13)).update(status="closed")
    assert "There are no free openings after Wednesday, June 10, 2026." in troubles(house.practice)
    later = NOON + timedelta(days=20)
    assert "There are no free openings ahead." in troubles(house.practice, now=later)


def test_patients_who_wait_for_a_time_are_counted_and_since_when(
    range_house: House, clock: Traveller
) -> None:
    range_house.patient(range_house.booking, now=NOON + timedelta(hours=1), first_name="Second")
    said_of_it = troubles(range_house.practice, now=NOON + timedelta(days=2))
    assert "2 patients are waiting for a time, the longest for 2 days." in said_of_it
    (found,) = health.of([range_house.practice], now=NOON, with_keys=False)
    assert (found.waiting, found.waiting_since) == (2, NOON)


def test_calls_and_mail_that_did_not_arrive_are_said(house: House) -> None:
    calls.ask([house.appointment], user_id=house.staff.pk, now=NOON)
    for outcome in (Outcome.REFUSED, Outcome.FAILED):
        Delivery.objects.create(
            appointment=house.appointment, kind=TaskKind.BOOKED, outcome=outcome, at=NOON
        )
    Task.objects.filter(appointment=house.appointment).update(run_after=NOON - timedelta(hours=1))
    said_of_it = troubles(house.practice)
    assert "1 patient left to call." in said_of_it
    assert "E-mail about 1 upcoming visit bounced. Call the families." in said_of_it
    assert "1 e-mail waiting to go out for over 15 minutes." in said_of_it


def test_an_invitation_that_is_not_used_is_said(house: House) -> None:
    assert "Quillonina has not logged in yet; the account was created today." in troubles(
        house.practice
    )
    house.staff.last_login = NOON
    house.staff.save()
    assert "has not logged in" not in troubles(house.practice)


def test_keys_unused_and_about_to_expire_are_said(house: House) -> None:
    key = house.key
    assert key.prefix not in troubles(house.practice)
    later = NOON + timedelta(days=9)
    assert f"{key.prefix}… of Quillon Partner was never used in 9 days." in troubles(
        house.practice, now=later
    )
    key.last_used_at, key.expires_at = NOON, later + timedelta(days=2)
    key.save()
    said_of_it = troubles(house.practice, now=later)
    assert f"{key.prefix}… of Quillon Partner has not been used for 9 days." in said_of_it
    assert f"{key.prefix}… of Quillon Partner expires in 2 days." in said_of_it
    house.partner.active = False
    house.partner.save()
    assert "No key of Quillon Partner works." in troubles(house.practice)


def test_the_table_has_those_in_trouble_first_and_finds_by_name(
    house: House, operator: Client
) -> None:
    factories.practice(name="A practice in trouble")
    page = said(operator.get("/admin/"))
    assert page.index("A practice in trouble") < page.index("Quillon Orthodontics Exact times")
    found = said(operator.get("/admin/?q=quILLon"))
    assert "Quillon Orthodontics" in found
    assert "A practice in trouble" not in found
    assert "No practice has “xyz” in its name" in said(operator.get("/admin/?q=xyz"))
    assert operator.get("/admin/?q=%00").status_code == 200


def test_an_empty_installation_says_what_to_do_first(operator: Client) -> None:
    page = operator.get("/admin/")
    assert "There is no practice yet" in said(page)
    assert 'href="/admin/onboard/"' in page.content.decode()


def test_two_hundred_practices_take_as_many_statements_as_two(operator: Client) -> None:
    counts = []
    operator.get("/admin/")
    for number in (2, 198):
        made = Practice.objects.bulk_create(
            Practice(name=f"Practice {number}-{each}", kind=[*Kind][each % 2])
            for each in range(number)
        )
        Location.objects.bulk_create(
            Location(practice=each, name="Here", timezone="America/Chicago") for each in made
        )
        user = person(f"everywhere-{number}")
        Membership.objects.bulk_create(Membership(user=user, practice=each) for each in made)
        factories.key(factories.partner(granted=made))
        with CaptureQueriesContext(
            connection,
        ) as asked:
            assert operator.get("/admin/").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1] <= 21


def test_the_hub_of_an_operator_leads_to_what_ends_a_trouble_and_back(
    house: House, operator: Client
) -> None:
    Doctor.objects.create(practice=house.practice, name="Dr. Idle", id="Idle")
    page = operator.get(house.address("hub/")).content.decode()
    back = f"next=%2Fadmin%2Fdesk%2F{house.practice.pk}%2Fhub%2F"
    assert f'/admin/practices/doctor/Idle/change/?practice={house.practice.pk}&amp;{back}"' in page
    assert f'/admin/partners/{house.partner.pk}/keys/"' in page


def test_staff_see_their_hub_without_keys_and_without_operators_links(
    house: House, desk: Client, clock: Traveller
) -> None:
    BookingPage.objects.create(practice=house.practice, active=True)
    clock.shift(timedelta(days=10))
    desk.force_login(house.staff)
    answer = desk.get(house.address("hub/"))
    page = answer.content.decode()
    assert "On: patients book online" in said(answer)
    assert "Quillon Partner May list openings and change its own" in said(answer)
    assert house.key.prefix not in page
    for path in ("/admin/auth/", "/admin/partners/", "/admin/practices/partner/", "location/add"):
        assert path not in page


def test_another_practices_hub_is_not_found(staff: Client, other: House) -> None:
    assert staff.get(other.address("hub/")).status_code == 404
