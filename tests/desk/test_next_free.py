"""The page "Find a time", and moving visits from it: clicks, families, two people at once."""

import html
import re
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from bookings.models import Appointment, Booking
from bookings.scheduling import appointments
from tests import factories
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, browser, forms, person, said
from tests.factories import NOON

pytestmark = only_once_on_sqlite


def buttons(page: Any) -> list[dict[str, list[str]]]:
    """Return what each button that moves, or shows what it would be, would send."""
    return forms(page, "/move/")


def move(desk: Client, house: House, sent: dict[str, list[str]]) -> Any:
    """Choose an opening, and press the button of the page that shows the mail."""
    (shown,) = buttons(desk.get(house.address("move/"), sent))
    return desk.post(house.address("move/"), shown, follow=True)


def at(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 6, day, hour, minute)  # noqa: DTZ001  # wall time


def test_a_caller_hears_what_is_free_next(house: House, desk: Client) -> None:
    opening = house.publish("N", start=at(4, 9, 45), length=45)
    page = desk.get(house.address("next-free/"))
    assert "Thu, Jun 4, 2026 · 9:45 AM Dr. Quillonson · Quillon Square · 45 min" in said(page)
    assert house.address(f"opening/{opening.pk}/#take") in page.content.decode()
    afternoons = desk.get(house.address("next-free/?part=early_afternoon&first=2026-06-05"))
    assert re.findall(r"\w+, Jun \d+, 2026", said(afternoons))[0] == "Wed, Jun 10, 2026"


def test_what_cannot_be_asked_is_said_at_the_field(house: House, desk: Client) -> None:
    page = desk.get(house.address("next-free/?first=yesterday&people=9&page=x"))
    assert page.status_code == 400
    assert "Enter a valid date" in said(page)


def test_for_two_the_link_names_the_second_opening(house: House, desk: Client) -> None:
    Booking.objects.all().update(start_datetime=NOON - timedelta(days=1))
    first = house.publish("1", start=at(4, 9), total_appointments=1)
    second = house.publish("2", start=at(4, 10), total_appointments=1)
    page = desk.get(house.address("next-free/?people=2"))
    assert "Thu, Jun 4, 2026 · 9:00 AM and 10:00 AM" in said(page)
    assert f"opening/{first.pk}/?then={second.pk}#take" in page.content.decode()


def test_a_visit_moves_with_two_clicks_and_back_with_two(house: House, desk: Client) -> None:
    there = house.publish("N", start=at(2, 14))
    visit = house.appointment
    page = desk.get(house.address(f"next-free/?visit={visit.pk}"))
    assert "Move Quillonette Quillonfield" in said(page)
    assert house.booking.pk not in {pk for sent in buttons(page) for pk in sent["to"]}
    done = move(desk, house, buttons(page)[0])
    assert done.redirect_chain[0][0] == house.address(f"opening/{there.pk}/")
    moved = "from Tue, Jun 2, 2026, 9:00 AM, Dr. Quillonson, Quillon Square to Tue, Jun 2, 2026, 2"
    assert moved in said(done)
    undo = re.search(r'href="([^"]*)">Undo', done.content.decode())
    assert undo is not None
    (shown,) = buttons(desk.get(html.unescape(undo[1])))
    desk.post(house.address("move/"), shown)
    assert Appointment.objects.get(pk=visit.pk).booking_id == house.booking.pk


def test_no_patient_is_named_in_a_cookie(house: House, desk: Client) -> None:
    house.publish("N", start=at(2, 14))
    page = desk.get(house.address(f"next-free/?visit={house.appointment.pk}"))
    done = desk.post(house.address("move/"), buttons(page)[0])
    assert "Quillonette" not in str(done.cookies)


def test_the_history_tells_at_both_openings_that_the_patient_moved(
    house: House, desk: Client
) -> None:
    there = house.publish("N", start=at(2, 14))
    page = desk.get(house.address(f"next-free/?visit={house.appointment.pk}"))
    desk.post(house.address("move/"), buttons(page)[0])
    later: appointments.Fields = {"phone": "555 0199"}
    appointments.edit(appointment_id=house.appointment.pk, fields=later, by=house.actor, now=NOON)
    here, old = (
        said(desk.get(house.address(f"opening/{each.pk}/"))).partition("History")[2]
        for each in (there, house.booking)
    )
    for history in (here, old):
        assert "Quillonette Quillonfield: booked" in history
        assert "Quillonette Quillonfield: moved to another opening Time: " in history
    assert "phone changed" in here
    assert "phone changed" not in old


def test_a_family_is_offered_and_moves_together(house: House, desk: Client) -> None:
    ben = house.patient(house.weekly, first_name="Ben")
    house.patient(house.weekly, first_name="Stranger", phone="555 0900", email="")
    page = desk.get(house.address(f"next-free/?visit={house.appointment.pk}"))
    assert "Also move Ben Quillonfield" in said(page)
    assert "Stranger" not in said(page)
    link = re.search(r'href="([^"]*)">Also move', page.content.decode())
    assert link is not None
    both = desk.get(html.unescape(link[1]))
    assert "Move Quillonette Quillonfield and Ben Quillonfield" in said(both)
    assert "Leave out Ben Quillonfield" in said(both)
    (sent,) = [each for each in buttons(both) if len({*each["to"]}) == 1][:1]
    move(desk, house, sent)
    for visit in (house.appointment, ben):
        assert Appointment.objects.get(pk=visit.pk).booking_id == sent["to"][0]


def test_the_second_of_two_who_move_is_told_what_the_first_did(house: House, desk: Client) -> None:
    house.publish("N", start=at(2, 14))
    house.publish("M", start=at(2, 15))
    colleague = browser(person("colleague", house.practice, first_name="Conny"))
    page = desk.get(house.address(f"next-free/?visit={house.appointment.pk}"))
    first, second, *_ = buttons(page)
    (shown,) = buttons(desk.get(house.address("move/"), second))
    colleague.post(house.address("move/"), first)
    for told in (
        desk.get(house.address("move/"), second, follow=True),
        desk.post(house.address("move/"), shown),
    ):
        assert "Conny moved it to Tue, Jun 2, 2026, 2:00 PM, Dr. Quillonson" in said(told)
    assert Appointment.objects.get(pk=house.appointment.pk).booking_id == first["to"][0]


def test_with_the_same_doctor_first_and_any_doctor_with_one_click(
    house: House, desk: Client
) -> None:
    other = factories.doctor(house.location, name="Dr. Other")
    house.publish("N", start=at(2, 14), doctor_id=other.pk)
    Booking.objects.exclude(doctor=other).update(status="open", start_datetime=NOON)
    address = house.address(f"next-free/?visit={house.appointment.pk}")
    page = desk.get(address)
    assert buttons(page) == []
    link = re.search(r'href="([^"]*)">Search any doctor', page.content.decode())
    assert link is not None
    assert len(buttons(desk.get(html.unescape(link[1])))) == 1


def test_who_was_cancelled_is_not_offered_anything(house: House, desk: Client) -> None:
    appointments.cancel(appointment_id=house.appointment.pk, by=house.actor, now=NOON)
    page = desk.get(house.address(f"next-free/?visit={house.appointment.pk}"))
    assert "This visit cannot be moved" in said(page)
    assert buttons(page) == []


def test_a_range_visit_that_is_booked_moves_to_an_exact_time(
    range_house: House, range_desk: Client
) -> None:
    house = range_house
    there = house.publish("N", start=at(2, 14, 30))
    timed = house.patient(house.booking, status="booked", start_datetime=at(2, 9, 20))
    for visit, exact in ((house.appointment, None), (timed, at(2, 15))):
        page = range_desk.get(house.address(f"next-free/?visit={visit.pk}"))
        assert "Tue, Jun 2, 2026 · late afternoon" in said(page)
        sent = buttons(page)[0]
        if exact is not None:
            assert sent[f"{visit.pk}-start"] == ["2026-06-02T14:30"]
            sent[f"{visit.pk}-start"] = ["2026-06-02T09:00"]
            outside = range_desk.get(house.address("move/"), sent)
            assert outside.status_code == 400
            assert "This is outside Tue, Jun 2" in said(outside)
            typed = buttons(outside)[0]
            assert typed[f"{visit.pk}-start"] == ["2026-06-02T09:00"]
            sent = {**typed, f"{visit.pk}-start": ["2026-06-02T15:00"]}
        move(range_desk, house, sent)
        found = Appointment.objects.select_related("booking__location").get(pk=visit.pk)
        assert (found.booking_id, found.status) == (there.pk, visit.status)
        start = found.start_datetime
        assert (start and start.astimezone(house.location.zone).replace(tzinfo=None)) == exact


def test_who_would_give_a_doctor_two_patients_at_once_is_asked(
    range_house: House, range_desk: Client
) -> None:
    house = range_house
    there = house.publish("N", start=at(2, 14, 30))
    house.patient(there, first_name="Ines", status="booked", start_datetime=at(2, 14, 45))
    timed = house.patient(house.booking, status="booked", start_datetime=at(2, 9, 20))
    page = range_desk.get(house.address(f"next-free/?visit={timed.pk}"))
    asked = range_desk.post(house.address("move/"), buttons(page)[0])
    assert asked.status_code == 409
    assert "Ines Rosalvafield" in said(asked)
    assert Appointment.objects.get(pk=timed.pk).booking_id == house.booking.pk
    agreed = re.search(r'name="anyway" value="(\w+)"', asked.content.decode())
    assert agreed is not None
    range_desk.post(house.address("move/"), {**buttons(page)[0], "anyway": agreed[1]})
    assert Appointment.objects.get(pk=timed.pk).booking_id == there.pk


@pytest.mark.parametrize("name", ["visit", "to"])
def test_what_is_of_another_practice_is_not_there(house: House, desk: Client, name: str) -> None:
    stranger = House("Strange")
    there = house.publish("N", start=at(2, 14))
    sent = {"visit": house.appointment.pk, "to": there.pk, "seen": f"booked {house.booking.pk}"}
    foreign = {"visit": stranger.appointment.pk, "to": stranger.booking.pk}
    assert desk.post(house.address("move/"), {**sent, name: foreign[name]}).status_code == 404
    page = desk.get(house.address("move/"), {**sent, name: foreign[name]})
    assert page.status_code == 404
