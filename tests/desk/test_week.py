"""The board's week and month: names, counts, today."""

import re
from datetime import datetime

from django.test import Client
from time_machine import Traveller

from bookings.models import Access
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, said

pytestmark = only_once_on_sqlite


def test_a_week_has_names_places_and_what_is_free_on_each_day(house: House, desk: Client) -> None:
    before = Access.objects.count()
    text = said(desk.get(house.address("board/?day=2026-06-05&view=week")))
    assert "9:00 AM Quillonette Q. 2 free , Dr. Quillonson" in text
    assert "Mon, Jun 1 today 0 free Tue, Jun 2 2 free Wed, Jun 3 3 free" in text
    assert Access.objects.count() == before + 1


def test_a_months_days_say_what_is_free_and_taken_and_lead_there(
    house: House, desk: Client, clock: Traveller
) -> None:
    house.publish("O", start=datetime(2026, 6, 1, 14), total_appointments=1)  # noqa: DTZ001
    clock.move_to("2026-06-03T12:00:00+00:00")
    desk.force_login(house.staff)
    page = desk.get(house.address("board/?day=2026-06-20&view=month"))
    text = said(page)
    assert "June 2026" in text
    assert "1 Monday, June 1, 2026 1 unused 2 Tuesday, June 2, 2026 1 taken 2 unused" in text
    assert "3 Wednesday, June 3, 2026 today 3 free" in text
    assert re.search(r'href="\?day=2026-06-02&amp;view=day"', page.content.decode())


def test_months_follow_one_another(house: House, desk: Client) -> None:
    page = desk.get(house.address("board/?day=2026-01-31&view=month")).content.decode()
    assert "?day=2026-02-01&amp;view=month" in page
    assert "?day=2025-12-01&amp;view=month" in page


def test_a_month_reads_no_patient(house: House, desk: Client) -> None:
    before = Access.objects.count()
    desk.get(house.address("board/?day=2026-06-20&view=month"))
    assert Access.objects.count() == before
