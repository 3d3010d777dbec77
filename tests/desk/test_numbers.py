"""The page Numbers: the next 14 days, and the last eight weeks."""

from datetime import datetime, timedelta

from django.test import Client
from time_machine import Traveller

from bookings.desk.desk import version
from tests.desk.world import House, browser, said
from tests.factories import NOON


def test_the_next_two_weeks_are_counted(range_house: House, range_desk: Client) -> None:
    """A booking with a waiting patient and two places, and Wednesday's weekly one, twice."""
    range_house.publish("F", start=datetime(2026, 6, 15, 9))  # noqa: DTZ001  # the 15th day
    held = range_house.publish("H", start=datetime(2026, 6, 14, 9))  # noqa: DTZ001  # the 14th
    range_house.patient(held, status="pending", now=NOON)
    text = said(range_desk.get(range_house.address("numbers/")))
    head = "Location Openings Places Filled Waiting for a time On hold"
    assert f"{head} Rosalva Square 4 12 1 1 1" in text


def test_the_last_eight_weeks_are_drawn_and_told(
    house: House, desk: Client, clock: Traveller
) -> None:
    unused = house.publish("N", start=datetime(2026, 6, 4, 14))  # noqa: DTZ001
    desk.post(house.address(f"opening/{unused.pk}/act/"), {"do": "close", "seen": version(unused)})
    assert "No openings took place yet." in said(desk.get(house.address("numbers/")))
    clock.move_to(NOON + timedelta(days=8))
    page = browser(house.staff).get(house.address("numbers/"))
    # Of the week of June 1: Tuesday's with a patient, Wednesday's weekly one, one closed.
    assert "Week from Monday Published Booked Closed unused Apr 13 0 0 0" in said(page)
    assert "Jun 1 3 1 1" in said(page)
    svg = page.content.decode().split("<svg")[1].split("</svg>")[0]
    assert "week of Jun 1: 3 openings, 1 booked, 1 closed unused" in svg
    assert svg.count("<rect") == 24
