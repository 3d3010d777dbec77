"""The page Publish: preview, clashes, clock changes."""

import re
from datetime import datetime, time
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.desk.forms import parse_clock
from bookings.models import Booking, Series
from tests import factories
from tests.conftest import together
from tests.desk.world import House, browser, person, said
from tests.factories import NOON


def pattern(house: House, **values: Any) -> dict[str, Any]:
    """Return the form's data: Mondays and Thursdays of June at 9:00 and 9:45."""
    return {
        "location": house.location.pk,
        "doctor": house.doctor.pk,
        "weekdays": ["0", "3"],
        "times": "9:00, 9:45",
        "length": "45",
        "places": "2",
        "first": "2026-06-08",
        "last": "2026-06-21",
        **values,
    }


def agreed(page: Any) -> str:
    """Return the hidden value of the preview that says what was previewed."""
    found: str = re.findall(r'name="agreed" value="(\w+)"', page.content.decode())[0]
    return found


def publish(desk: Client, house: House, **values: Any) -> Any:
    """Preview, then publish."""
    preview = desk.post(house.address("publish/"), pattern(house, **values))
    sent = {**pattern(house, **values), "do": "publish", "agreed": agreed(preview)}
    return desk.post(house.address("publish/"), sent, follow=True)


def test_the_preview_says_what_is_made_and_makes_nothing(house: House, desk: Client) -> None:
    before = Booking.objects.count()
    text = said(desk.post(house.address("publish/"), pattern(house)))
    assert "8 openings with 16 places — Dr. Quillonson, Quillon Square, 45 minutes." in text
    assert "Mon, Jun 8, 2026 9:00 AM 9:45 AM" in text
    assert "No overlaps and no clock changes." in text
    assert Booking.objects.count() == before


def test_a_month_is_published_by_two_clicks(house: House, desk: Client) -> None:
    before = Booking.objects.count()
    done = publish(desk, house)
    assert "8 openings published." in said(done)
    assert Booking.objects.count() == before + 8
    made = Booking.objects.filter(length=45).order_by("start_datetime").first()
    assert made is not None
    assert made.start_datetime is not None
    assert (made.start_datetime.isoformat(), made.total_appointments, made.partner) == (
        "2026-06-08T13:00:00+00:00",
        2,
        None,
    )
    assert made.events.get().user == house.staff


def test_what_clashes_is_left_out_and_named_unless_it_is_ticked(house: House, desk: Client) -> None:
    elsewhere = factories.location(house.practice, name="Harbor")
    house.doctor.locations.add(elsewhere)
    there = house.publish(
        "C",
        start=datetime(2026, 6, 8, 9, 15),  # noqa: DTZ001
        length=30,
        location_id=elsewhere.pk,
    )
    house.patient(there, first_name="Ada", last_name="Brook")
    preview = said(desk.post(house.address("publish/"), pattern(house)))
    assert "7 openings with 14 places" in preview
    assert "1 overlaps with something Dr. Quillonson has" in preview
    assert "Mon, Jun 8, 2026, 9:00 AM overlaps 9:15 AM, 30 min, Harbor: Ada Brook" in preview
    ticked = said(desk.post(house.address("publish/"), pattern(house, with_clashes="on")))
    assert "8 openings with 16 places" in ticked
    assert "9:00 AM overlaps 9:15 AM, 30 min, Harbor: Ada Brook" in ticked
    assert "8 openings published." in said(publish(desk, house, with_clashes="on"))


def test_times_of_the_pattern_itself_that_overlap_are_left_out(house: House, desk: Client) -> None:
    values = pattern(house, weekdays=["0"], times="9:00, 9:30, 9:45")
    preview = said(desk.post(house.address("publish/"), values))
    assert "Mon, Jun 8, 2026 9:00 AM 9:45 AM" in preview
    assert "Mon, Jun 8, 2026, 9:30 AM overlaps 9:00 AM of these times" in preview


def test_a_weekly_time_is_left_out_with_all_its_weeks(house: House, desk: Client) -> None:
    house.publish("C", start=datetime(2026, 7, 6, 9), length=30)  # noqa: DTZ001
    values = pattern(house, weekly="on", last="", weekdays=["0"])
    preview = said(desk.post(house.address("publish/"), values))
    assert "1 weekly opening with no end date" in preview
    assert "(every week of these) Mon, Jul 6, 2026, 9:00 AM overlaps 9:00 AM, 30 min" in preview


def test_clock_changes_are_shown(house: House, desk: Client) -> None:
    spring = pattern(
        house, weekdays=["6"], times="2:30", first="2027-03-14", last="2027-03-14", length="30"
    )
    text = said(desk.post(house.address("publish/"), spring))
    assert "The clocks skip 2:30 AM that day: published at 3:30 AM." in text
    autumn = {**spring, "times": "1:30", "first": "2026-11-01", "last": "2026-11-01"}
    text = said(desk.post(house.address("publish/"), autumn))
    assert "1:30 AM comes twice that day: the first one is used." in text


def test_weekly_openings_have_no_end(house: House, desk: Client) -> None:
    done = publish(desk, house, weekly="on", last="", weekdays=["0"], times="16:00")
    assert "1 weekly opening published." in said(done)
    series = Series.objects.get(wall_time=time(16))
    assert series.occurrences.count() == 13
    assert not series.ended
    first = series.occurrences.order_by("series_date").first()
    assert first is not None
    assert str(first.series_date) == "2026-06-08"


def test_a_weekly_preview_lists_just_what_is_made(house: House, desk: Client) -> None:
    values = {"weekly": "on", "last": "", "weekdays": ["0", "3"], "times": "16:00"}
    preview = desk.post(house.address("publish/"), pattern(house, **values))
    assert "2 weekly openings with no end date. The first 26 dates are below" in said(preview)
    before = set(Booking.objects.values_list("pk", flat=True))
    publish(desk, house, **values)
    assert Booking.objects.exclude(pk__in=before).count() == 26


def test_the_past_is_left_out(house: House, desk: Client) -> None:
    """The clock is at Monday noon."""
    values = pattern(house, first="2026-06-01", last="2026-06-01", times="9:00, 13:00")
    text = said(desk.post(house.address("publish/"), values))
    assert "1 opening with 2 places" in text
    assert "Left out: the time has passed Mon, Jun 1, 2026, 9:00 AM" in text


def test_what_was_not_previewed_is_not_published(house: House, desk: Client) -> None:
    preview = desk.post(house.address("publish/"), pattern(house))
    sent = {**pattern(house), "do": "publish", "agreed": agreed(preview)}
    assert "8 openings published" in said(desk.post(house.address("publish/"), sent, follow=True))
    # The same again, as a second press of the button sends it: now everything would clash.
    again = desk.post(house.address("publish/"), sent)
    assert "The schedule changed since this preview, so nothing was published" in said(again)
    assert Booking.objects.filter(length=45).count() == 8


@pytest.mark.django_db(transaction=True)
def test_of_those_who_publish_one_preview_at_once_one_does(clock: Traveller) -> None:
    house = House("Quillon")
    people = [browser(person(f"p{nth}", house.practice)) for nth in range(4)]
    clock.move_to(datetime.now(tz=NOON.tzinfo))
    preview = people[0].post(house.address("publish/"), pattern(house))
    sent = {**pattern(house), "do": "publish", "agreed": agreed(preview)}
    turns = iter(people)
    told = [
        said(each)
        for each in together(
            4, lambda: next(turns).post(house.address("publish/"), sent, follow=True)
        )
    ]
    assert sum("8 openings published." in text for text in told) == 1
    stale = "The schedule changed since this preview, so nothing was published"
    assert sum(stale in text for text in told) == 3
    assert Booking.objects.filter(length=45).count() == 8


def test_all_or_nothing_is_published(
    house: House, desk: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from bookings.scheduling import bookings

    real, calls = bookings.publish, []

    def stops_halfway(**said: Any) -> Booking:
        calls.append(said)
        if len(calls) == 5:
            raise KeyboardInterrupt
        return real(**said)

    preview = desk.post(house.address("publish/"), pattern(house))
    monkeypatch.setattr(bookings, "publish", stops_halfway)
    sent = {**pattern(house), "do": "publish", "agreed": agreed(preview)}
    with pytest.raises(KeyboardInterrupt):
        desk.post(house.address("publish/"), sent)
    assert not Booking.objects.filter(length=45).exists()


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"times": "nine"}, "“nine” is not a time of day"),
        ({"times": " , "}, "Enter at least one time"),
        ({"last": "2026-06-01"}, "The last day is before the first"),
        ({"last": ""}, "Enter the last day, or check"),
        ({"last": "2029-06-01"}, "Publish up to a year at a time"),
        ({"weekdays": []}, "This field is required"),
        ({"length": "0"}, "greater than or equal to 1"),
        ({"last": "2027-06-01", "weekdays": list("0123456")}, "at a time: choose fewer days"),
    ],
)
def test_a_mistake_is_explained_and_nothing_typed_is_lost(
    values: dict[str, Any], text: str, house: House, desk: Client
) -> None:
    refused = desk.post(house.address("publish/"), pattern(house, **values))
    assert refused.status_code == 400
    assert text in said(refused)
    assert f'value="{house.location.pk}" selected' in refused.content.decode()


@pytest.mark.parametrize(
    ("text", "hour", "minute"),
    [
        ("9", 9, 0),
        ("9:45", 9, 45),
        ("14:15", 14, 15),
        ("2pm", 14, 0),
        ("2:15 P.M.", 14, 15),
        ("12 am", 0, 0),
        ("12pm", 12, 0),
        ("9.30", 9, 30),
    ],
)
def test_times_are_read_as_people_write_them(text: str, hour: int, minute: int) -> None:
    assert parse_clock(text) == time(hour, minute)


@pytest.mark.parametrize("text", ["", "25", "9:60", "13pm", "0 am", "9:4", "noon", "\uff19"])
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011  # the form says what is wrong
        parse_clock(text)
