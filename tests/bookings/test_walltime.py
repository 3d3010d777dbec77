"""Parsing and formatting of instants and wall times; daylight-saving changes."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bookings import walltime
from bookings.representation import time_range

NEW_YORK = ZoneInfo("America/New_York")
ZONES = ["America/New_York", "America/Phoenix", "Europe/London", "Australia/Lord_Howe"]


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2018-09-25T16:44:02.722-06:00", "2018-09-25T22:44:02.722+00:00"),
        ("2018-09-25T16:44:02.722999-0600", "2018-09-25T22:44:02.722+00:00"),
        ("2018-09-25t16:44z", None),
        ("2018-09-25 16:44Z", "2018-09-25T16:44:00.000+00:00"),
        ("2018-09-25T16:44:02z", "2018-09-25T16:44:02.000+00:00"),
        ("2018-09-25T16:44", "2018-09-25T20:44:00.000+00:00"),
    ],
)
def test_what_a_client_may_write(text: str, instant: str | None) -> None:
    if instant is None:
        with pytest.raises(walltime.WallTimeError):
            walltime.parse(text)
        return
    read = walltime.to_instant(walltime.parse(text), NEW_YORK)
    assert read.isoformat(timespec="milliseconds") == instant


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2018-09-25",
        "16:44",
        "2018-W39-2T16:44",
        "20180925T164402Z",
        "2018-13-25T16:44",
        "2018-02-30T16:44",
        "2018-09-25T24:00",
        "2018-09-25T16:60",
        "2018-09-25T16:44:60Z",
        "2018-09-25T16:44+24:00",
        "2018-09-25T16:44+25",
        "\N{FULLWIDTH DIGIT TWO}018-09-25T16:44",
        "1969-12-31T00:00Z",
        "2200-01-01T00:00Z",
        "9999-12-31T23:59:59-12:00",
        "0001-01-01T00:00:00+12:00",
        "0001-01-01T00:00",
        "9999-12-31T23:59",
        "2018-09-25T16:44Z\n",
    ],
)
def test_what_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(walltime.WallTimeError, match="Write a"):
        walltime.to_instant(walltime.parse(text), NEW_YORK)


@pytest.mark.parametrize(
    ("wall", "says"),
    [("2027-03-14T02:30", "does not exist"), ("2026-11-01T01:30", "exists twice")],
)
def test_a_wall_time_in_a_clock_change_is_refused(wall: str, says: str) -> None:
    with pytest.raises(walltime.WallTimeError, match=says):
        walltime.to_instant(walltime.parse(wall), NEW_YORK)


def test_a_time_that_exists_twice_can_be_written_with_its_offset() -> None:
    for offset in ("-04:00", "-05:00"):
        instant = walltime.to_instant(walltime.parse(f"2026-11-01T01:30{offset}"), NEW_YORK)
        assert walltime.iso(instant, NEW_YORK) == f"2026-11-01T01:30:00.000{offset}"


@given(
    instant=st.datetimes(datetime(1970, 1, 3), datetime(2199, 12, 30), timezones=st.just(UTC)),  # noqa: DTZ001  # hypothesis wants bounds without a zone
    zone=st.sampled_from(ZONES),
)
def test_what_is_shown_is_read_back_as_the_same_instant(instant: datetime, zone: str) -> None:
    shown = walltime.iso(instant, ZoneInfo(zone))
    assert walltime.parse(shown) == walltime.milliseconds(instant)


@pytest.mark.parametrize(
    ("wall", "name"),
    [
        ("00:00", "morning"),
        ("09:59", "morning"),
        ("10:00", "late_morning"),
        ("11:59", "late_morning"),
        ("12:00", "early_afternoon"),
        ("14:29", "early_afternoon"),
        ("14:30", "late_afternoon"),
        ("23:59", "late_afternoon"),
    ],
)
def test_the_part_of_the_day_is_read_from_the_wall_time(wall: str, name: str) -> None:
    start = walltime.to_instant(walltime.parse(f"2026-06-02T{wall}"), NEW_YORK)
    assert time_range(start, NEW_YORK) == name


def test_without_a_start_there_is_no_part_of_the_day() -> None:
    assert time_range(None, NEW_YORK) is None
