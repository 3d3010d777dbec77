"""The desk's list of what is not yet in the practice's own software."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from bookings.desk import entering, health
from bookings.models import Appointment, Event
from bookings.scheduling import appointments, bookings, moving
from bookings.scheduling.actors import PATIENT
from practices.models import OwnSystem, Partner
from tests.desk.world import House, browser, named, said
from tests.factories import NOON

QUARTER = timedelta(minutes=15)


@pytest.fixture
def dentrix(house: House) -> Partner:
    house.partner.name = "Dentrix"
    house.partner.save()
    OwnSystem.objects.create(practice=house.practice, partner=house.partner)
    return house.partner


def left(house: House, after: timedelta = QUARTER) -> list[str]:
    rows = entering.left([house.practice], now=NOON + after).order_by("updated_at", "pk")
    return [each.unread_person.first_name for each in rows]


def report(house: House, visit: Appointment, **said: Any) -> None:
    fields: Any = said
    appointments.edit(appointment_id=visit.pk, fields=fields, by=house.actor, now=NOON)


ENTERED = {"external_id": "48213", "external_status": "entered"}
FAILED = {"external_status": "failed", "external_reason": "No column that day."}


def test_what_was_made_a_quarter_of_an_hour_ago_is_listed_and_what_failed_at_once(
    house: House, dentrix: Partner
) -> None:
    late = house.patient(house.booking, first_name="Late", now=NOON + timedelta(minutes=1))
    house.patient(house.booking, first_name="Held", status="pending")
    assert left(house, QUARTER - timedelta(seconds=1)) == []
    assert left(house) == ["Quillonette"]
    report(house, late, **FAILED)
    assert left(house, timedelta(minutes=1)) == ["Late"]
    for visit in (late, house.appointment):
        report(house, visit, **ENTERED)
    assert left(house) == []


def move(house: House) -> None:
    to = house.publish("T", start=NOON + timedelta(days=2))
    moving.move(
        to={house.appointment.pk: {"booking_id": to.pk}}, by=house.actor, now=NOON + QUARTER
    )


def change_opening(house: House) -> None:
    fields: Any = {"start_datetime": NOON + timedelta(days=2)}
    bookings.edit(booking_id=house.booking.pk, fields=fields, by=house.actor, now=NOON + QUARTER)


def give_back(house: House) -> None:
    report(house, house.appointment, external_status=None)


def cancel(house: House) -> None:
    appointments.cancel(appointment_id=house.appointment.pk, by=PATIENT, now=NOON + QUARTER)


@pytest.mark.parametrize("change", [move, change_opening, give_back, cancel])
def test_a_change_is_listed_a_quarter_of_an_hour_later(
    house: House, dentrix: Partner, clock: Traveller, change: Callable[[House], None]
) -> None:
    report(house, house.appointment, **ENTERED)
    clock.move_to(NOON + QUARTER)
    change(house)
    # An edit of something else meanwhile puts nothing off.
    clock.shift(timedelta(minutes=10))
    if change is not cancel:
        report(house, house.appointment, phone="555 0199")
    assert left(house, 2 * QUARTER - timedelta(seconds=1)) == []
    assert left(house, 2 * QUARTER) == ["Quillonette"]
    report(house, house.appointment, external_status="entered")
    assert left(house, 2 * QUARTER) == []


def test_a_cancelled_visit_that_the_system_never_knew_is_not_listed(
    house: House, dentrix: Partner
) -> None:
    appointments.cancel(appointment_id=house.appointment.pk, by=PATIENT, now=NOON)
    assert left(house) == []


def test_visits_of_the_last_week_are_listed_and_none_before(
    house: House, range_house: House, dentrix: Partner, clock: Traveller
) -> None:
    OwnSystem.objects.create(practice=range_house.practice, partner=range_house.partner)
    exact = NOON + timedelta(days=20)
    fields: Any = {"start_datetime": exact}
    visit = range_house.appointment
    appointments.edit(appointment_id=visit.pk, fields=fields, by=range_house.actor, now=NOON)
    both = [house.practice, range_house.practice]
    for day, count in ((7, 2), (9, 1), (26, 1), (28, 0)):
        assert entering.left(both, now=NOON + timedelta(days=day)).count() == count, day


def test_the_page_says_what_is_to_be_done_with_each_oldest_change_first(
    house: House, dentrix: Partner, desk: Client, clock: Traveller
) -> None:
    gone = house.patient(house.booking, first_name="Gone")
    clock.shift(timedelta(minutes=1))
    failed = house.patient(house.booking, first_name="Failed")
    report(house, house.appointment, external_id="7")
    report(house, gone, **ENTERED)
    appointments.cancel(appointment_id=gone.pk, by=PATIENT, now=NOON)
    clock.shift(timedelta(minutes=1))
    report(house, failed, **FAILED)
    clock.shift(QUARTER)
    page = desk.get(house.address("not-entered/"))
    text = said(page)
    assert "Not yet in Dentrix" in text
    for part in (
        "Changed since it was entered",
        "Still to be cancelled there",
        "Could not be entered: No column that day.",
        "Number there: 48213",
    ):
        assert part in text
    listed = re.findall(r'<li id="place-(\w+)"', page.content.decode())
    assert set(listed[:2]) == {house.appointment.pk, gone.pk}
    assert listed[2:] == [failed.pk]
    assert f"place/{failed.pk}/" in page.content.decode()
    assert "3 visits not yet in Dentrix" in said(desk.get(house.address("board/")))
    (found,) = health.of([house.practice], now=NOON + 2 * QUARTER, with_keys=False)
    assert "3 visits are not yet in Dentrix." in [each.says for each in found.troubles]


def mark(desk: Client, house: House, page: str, **more: str) -> str:
    """Press the first button of a page that marks a visit; return what the next page says."""
    body = desk.get(house.address(page)).content.decode()
    (seen,) = re.findall(r'\w/entered/"[^>]*>.*?name="seen" value="([^"]*)"', body, re.DOTALL)[:1]
    place = house.address(f"place/{house.appointment.pk}/entered/")
    return said(desk.post(place, {"seen": seen, **more}, follow=True))


def test_staff_mark_what_they_entered_by_hand_and_take_it_back(
    house: House, dentrix: Partner, desk: Client, clock: Traveller
) -> None:
    clock.shift(QUARTER)
    told = mark(desk, house, "not-entered/", next=house.address("not-entered/"))
    assert "Marked as entered." in told
    assert "Dentrix has every visit to come." in told
    event = Event.objects.order_by("id").last()
    assert event is not None
    assert event.user == house.staff
    visit = f"place/{house.appointment.pk}/"
    page = said(desk.get(house.address(visit)))
    assert "Quillonette Quillonfield: entered in the practice’s software" in page
    assert "Entered in Dentrix" in said(desk.get(house.address(f"opening/{house.booking.pk}/")))
    clock.shift(timedelta(minutes=1))
    assert "Marked as not entered." in mark(desk, house, visit, undo="yes")
    assert named("Quillonette").external_status is None


def test_who_looks_at_what_changed_meanwhile_marks_nothing(
    house: House, dentrix: Partner, desk: Client, clock: Traveller
) -> None:
    clock.shift(QUARTER)
    page = house.address("not-entered/")
    (seen,) = re.findall(r'name="seen" value="([^"]*)"', desk.get(page).content.decode())
    clock.shift(timedelta(minutes=1))
    move(house)
    place = house.address(f"place/{house.appointment.pk}/entered/")
    told = said(desk.post(place, {"seen": seen, "next": page}, follow=True))
    assert "was changed while you had it open" in told
    assert named("Quillonette").external_status is None


@pytest.mark.parametrize("end", ["unmarked", "revoked", "switched off"])
def test_without_a_system_in_effect_nothing_is_listed(
    house: House, dentrix: Partner, desk: Client, clock: Traveller, end: str
) -> None:
    clock.shift(QUARTER)
    assert "Not yet in Dentrix" in said(desk.get(house.address("hub/")))
    if end == "unmarked":
        OwnSystem.objects.all().delete()
    elif end == "revoked":
        dentrix.practices.clear()
    else:
        Partner.objects.update(active=False)
    assert "Not yet in" not in said(desk.get(house.address("hub/")))
    page = said(desk.get(house.address("not-entered/")))
    assert "The operator has not said which software" in page
    assert "Quillonette" not in page
    place = house.address(f"place/{house.appointment.pk}/entered/")
    assert desk.post(place, {"seen": ""}).status_code == 404


def test_the_page_asks_no_more_for_more_visits(
    house: House, dentrix: Partner, clock: Traveller
) -> None:
    counted = []
    for more in (0, 2):
        for _ in range(more):
            house.patient(house.booking)
        clock.shift(QUARTER)
        client = browser(house.staff)
        with CaptureQueriesContext(connection) as asked:
            client.get(house.address("not-entered/"))
        counted.append(len(asked))
    assert counted[0] == counted[1]


def test_one_entered_by_hand_is_to_be_cancelled_there_too(
    house: House, dentrix: Partner, desk: Client, clock: Traveller
) -> None:
    visit, mark = house.address(f"place/{house.appointment.pk}/"), "Mark as cancelled there"
    report(house, house.appointment, external_status="entered")
    appointments.cancel(appointment_id=house.appointment.pk, by=PATIENT, now=NOON)
    assert left(house) == ["Quillonette"]
    clock.shift(QUARTER)
    for page in (visit, house.address("not-entered/")):
        assert mark in said(desk.get(page))
    assert "Still to be cancelled" in said(desk.get(visit))
    house.appointment.refresh_from_db()
    seen = {"seen": house.appointment.updated_at.isoformat()}
    here = {**seen, "next": house.address("not-entered/")}
    answer = desk.post(f"{visit}entered/", here, follow=True)
    assert "Marked as cancelled there. See the visit" in said(answer)
    assert left(house) == []
    assert "Mark as not cancelled there" in said(desk.get(visit))


def test_a_visit_that_the_system_never_knew_says_nothing_of_it(
    house: House, dentrix: Partner, desk: Client
) -> None:
    held = house.patient(house.booking, first_name="Held", status="pending")
    appointments.cancel(appointment_id=house.appointment.pk, by=PATIENT, now=NOON)
    for visit in (held, house.appointment):
        assert "In Dentrix" not in said(desk.get(house.address(f"place/{visit.pk}/")))


def test_many_are_said_as_many(
    house: House, dentrix: Partner, desk: Client, clock: Traveller
) -> None:
    clock.shift(QUARTER)
    board = house.address("board/")
    assert "1 visit not yet in Dentrix" in said(desk.get(board))
    with patch("bookings.desk.desk._MOST", 0):
        assert "0+ visits not yet in Dentrix" in said(desk.get(board))
