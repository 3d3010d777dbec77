"""The answer clock of requests: what was promised, by when, and what is overdue."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.desk import answer_clock, health
from bookings.models import ProposalOutcome
from bookings.scheduling import proposals
from bookings.scheduling.actors import PATIENT
from practices.models import BookingPage
from tests.bookings.requests import wall
from tests.desk.test_proposing import propose_nine
from tests.desk.world import House, browser, said
from tests.factories import NOON

NEW_YORK = ZoneInfo("America/New_York")


def local(day: int, hour: int) -> datetime:
    return wall(day, hour).replace(tzinfo=NEW_YORK)


@pytest.mark.parametrize(
    ("asked", "hours", "due"),
    [
        (local(1, 12), 4, local(1, 16)),  # Monday
        (local(1, 12), 24, local(2, 12)),
        (local(5, 15), 8, local(5, 23)),  # Friday
        (local(5, 15), 24, local(8, 15)),
        (local(6, 10), 24, local(9, 0)),  # Saturday
        (local(7, 23), 1, local(8, 1)),
    ],
)
def test_saturdays_and_sundays_do_not_count(asked: datetime, hours: int, due: datetime) -> None:
    found = answer_clock.after(asked.astimezone(UTC), timedelta(hours=hours), NEW_YORK)
    assert found == due


def test_where_the_clocks_go_forward_the_hours_are_still_hours() -> None:
    friday = datetime(2026, 3, 6, 20, tzinfo=NEW_YORK)
    monday = datetime(2026, 3, 9, 20, tzinfo=NEW_YORK)
    assert answer_clock.after(friday, timedelta(hours=24), NEW_YORK) == monday


@pytest.fixture
def promised(range_house: House) -> House:
    BookingPage.objects.create(
        practice=range_house.practice, promise_en="within a day", promise_hours=24
    )
    return range_house


def requests(house: House) -> str:
    return said(browser(house.staff).get(house.address("ranges/")))


def test_what_was_promised_and_by_when_is_on_requests(promised: House) -> None:
    text = requests(promised)
    assert "You promise a time within a day." in text
    assert "Answer by Tue, Jun 2, 2026, 12:00 PM" in text
    assert "verdue" not in text


def test_what_is_overdue_comes_first_and_is_counted_on_every_page(
    promised: House, clock: Traveller
) -> None:
    friday, now = promised.publish("N", start=wall(5, 9)), NOON + timedelta(hours=23)
    promised.patient(friday, first_name="Late")
    propose_nine(promised)  # nobody answers it until 4 PM: from then on there is a day again
    clock.move_to(now)
    promised.patient(friday, first_name="Young", now=now)
    clock.shift(timedelta(hours=1))
    text = requests(promised)
    assert "3 patients need an exact time." in text
    assert "1 is overdue." in text
    assert "Late Rosalvafield Waiting 1 day Overdue since Tue, Jun 2, 2026, 12:00 PM" in text
    assert text.index("Late Rosalvafield") < text.index("Young Rosalvafield")
    board = browser(promised.staff).get(promised.address("board/"))
    assert "Requests 3 waiting , 1 overdue" in said(board)
    (found,) = health.of([promised.practice], now=NOON + timedelta(days=1), with_keys=False)
    assert found.overdue == 1
    assert "waiting for a time, the longest for 1 day. Overdue: 1." in str(found.troubles)


def test_the_clock_runs_anew_from_the_familys_answer(promised: House, clock: Traveller) -> None:
    proposal = propose_nine(promised)
    assert "Answer by" not in requests(promised)
    clock.shift(timedelta(hours=2))
    now = NOON + timedelta(hours=2)
    proposals.end(proposal=proposal, outcome=ProposalOutcome.OTHERS, by=PATIENT, now=now)
    assert "Answer by Tue, Jun 2, 2026, 2:00 PM" in requests(promised)


def test_without_hours_nothing_is_overdue_and_the_page_says_where_to_set_them(
    range_house: House, clock: Traveller
) -> None:
    assert "To see what is overdue, say under Online booking" in requests(range_house)
    clock.shift(timedelta(days=30))
    assert "verdue since" not in requests(range_house)


def test_the_hours_are_set_under_online_booking_in_range_practices_alone(
    range_house: House, range_desk: Client, house: House, desk: Client
) -> None:
    sent: dict[str, Any] = {"notice_hours": 2, "horizon_days": 84, "cancel_hours": 0}
    page = range_house.address("online-booking/")
    assert range_desk.post(page, {**sent, "promise_hours": "0"}).status_code == 400
    assert range_desk.post(page, {**sent, "promise_hours": "24"}).status_code == 302
    assert BookingPage.objects.get().promise_hours == 24
    assert "Hours within which you set it" not in said(desk.get(house.address("online-booking/")))
