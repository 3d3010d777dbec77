"""The command `demo` on an empty installation, at any hour, and on one in use."""

import json
import re
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.demo import fill
from bookings.models import Booking
from practices.models import Location, Practice
from tests.bookings.test_demo import demo
from tests.conftest import Caller, only_once_on_sqlite

pytestmark = [pytest.mark.django_db, only_once_on_sqlite]


@pytest.mark.parametrize(
    "now",
    [
        "2026-03-06 23:59",
        pytest.param("2026-03-04 17:30", marks=pytest.mark.nightly),
        pytest.param("2026-03-08 00:01", marks=pytest.mark.nightly),
    ],
)
def test_at_any_hour_today_and_tomorrow_are_whole(now: str, clock: Traveller) -> None:
    """On a Wednesday, before a weekend, and on a day on which the clocks change."""
    zone = ZoneInfo("America/New_York")
    today = datetime.fromisoformat(now).replace(tzinfo=zone)
    clock.move_to(today)
    fill()
    there = Booking.objects.filter(practice_id="rtGB2").select_related("location")
    for location in ("b2rGH", "HK295"):
        for day in (today.date(), today.date() + timedelta(days=1)):
            starts = [
                each.start_datetime.astimezone(zone)
                for each in there.on_local_days(Location.objects.filter(pk=location), day, day)
                if each.start_datetime is not None
            ]
            assert {start.hour for start in starts} == set(range(8, 18))
    assert not there.filter(places_pending__gt=0, start_datetime__lte=today).exists()


def test_a_welcome_names_a_key_that_works_and_fills_only_an_empty_installation() -> None:
    told = demo("--welcome")
    key = told.partition("Authorization: ")[2].partition('"')[0]
    assert Caller(key)("GET", "/scheduling/practices").status_code == 200
    pages = re.findall(r"http://127\.0\.0\.1:\d+(/book/\S+)", told)
    assert [Client().get(page).status_code for page in pages] == [200, 200]
    made = Booking.objects.count()
    assert made > 100
    assert key not in demo("--welcome")
    assert Booking.objects.count() == made


def test_a_welcome_on_an_installation_in_use_makes_nothing() -> None:
    Practice.objects.create(name="In use")
    assert "create_key" in demo("--welcome")
    assert Practice.objects.count() == 1


def test_a_welcome_on_the_open_net_makes_nothing_and_says_what_to_do_first(settings: Any) -> None:
    settings.ONLY_THIS_MACHINE = False
    told = demo("--welcome")
    assert "/admin/onboard/   onboards the first practice (manage.py createsuperuser makes" in told
    assert not Practice.objects.exists()


def test_a_small_limit_of_holds_is_left_to_be_tried(settings: Any) -> None:
    settings.HOLDS_PER_PARTNER = 1
    document = json.loads(demo("--json"))
    practice = document["practices"]["exact"]
    body = {"location_id": practice["locations"][0], "doctor_id": practice["doctors"][0]}
    body |= {"start_datetime": "2031-06-02T09:00", "status": "pending"}
    api = Caller(document["keys"]["full"])
    made = [api("POST", "/onlinescheduling/booking", body).status_code for _ in range(2)]
    assert made == [201, 429]
