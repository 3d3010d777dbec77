"""The board of a day: content, filters, history, export, number of queries."""

import csv
import io
import time
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from bookings.desk import csv_export
from bookings.models import Booking, Status, Task
from tests import factories
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, browser, said
from tests.factories import NOON
from tests.messages import tasks

pytestmark = only_once_on_sqlite

QUERIES = 16
"""One of them: since when mail has been waiting; one: the second factor of whoever is logged in;
one: whether anybody is on the waiting list."""


def test_staff_land_on_today(house: House, desk: Client) -> None:
    landed = desk.get("/admin/", follow=True)
    assert landed.redirect_chain == [(house.address("board/"), 302)]
    assert "Monday, June 1, 2026 Mon, Jun 1, 2026 today" in said(landed)


def test_an_opening_says_time_length_doctor_status_places_and_whose_they_are(
    house: House, desk: Client
) -> None:
    page = desk.get(house.address("board/?day=2026-06-02"))
    text = said(page)
    opening = "9:00 AM Quillonette Quillonfield new 60 min, 2 free , Dr. Quillonson"
    assert opening in text
    assert "Quillon Square New York time (EDT) 2 free 1 booked Dr. Quillonson" in text


@pytest.mark.parametrize(
    ("query", "there"),
    [
        ("day=2026-06-02", True),
        ("day=2026-06-03", False),
        ("day=2026-06-05&view=week", True),
        ("day=2026-06-02&status=booked", True),  # dimmed: what is taken is never hidden
        ("day=2026-06-02&status=open&location=QuillonL&doctor=QuillonD", True),
        ("day=2026-06-02&doctor=nobody", True),  # what does not exist is left out
    ],
)
def test_filters_and_days(query: str, there: bool, house: House, desk: Client) -> None:
    page = desk.get(house.address(f"board/?{query}")).content.decode()
    assert (f"/opening/{house.booking.pk}/" in page) is there


@pytest.mark.parametrize("day", ["", "today", "2026-13-01", "0001-01-01", "9999-12-31", "%00"])
def test_an_odd_day_is_today(day: str, house: House, desk: Client) -> None:
    page = desk.get(house.address(f"board/?day={day}&view=week"))
    assert page.status_code == 200
    assert "Mon, Jun 1 – Sun, Jun 7, 2026" in said(page)


def test_a_lapsed_hold_is_seen_expired(house: House, desk: Client, clock: Traveller) -> None:
    held = house.publish("H", start=datetime(2026, 6, 2, 14), total_appointments=1)  # noqa: DTZ001
    house.patient(held, status="pending", now=NOON)
    day = house.address("board/?day=2026-06-02")
    on_hold = "2:00 PM Quillonette Quillonfield new 60 min, On hold until 12:15 PM"
    assert on_hold in said(desk.get(day))
    for _ in range(2):  # a request in between, or the session ends
        clock.shift(timedelta(minutes=7.5))
        desk.get(house.address("numbers/"))
    assert "2:00 PM 60 min, Free" in said(desk.get(day))


def test_an_empty_time_leads_to_a_new_opening_there(house: House, desk: Client) -> None:
    page = desk.get(house.address("board/?day=2026-06-02")).content.decode()
    assert (
        "../new-opening/?location=QuillonL&amp;doctor=QuillonD&amp;start=2026-06-02T10%3A30" in page
    )
    form = desk.get(house.address("new-opening/?location=QuillonL&start=2026-06-02T10:30"))
    assert 'value="2026-06-02T10:30"' in form.content.decode()
    values = {
        "location": house.location.pk,
        "doctor": house.doctor.pk,
        "start": "2026-06-02T10:30",
        "length": "45",
        "places": "2",
    }
    made = desk.post(house.address("new-opening/"), values)
    assert made.headers["Location"] == house.address("board/?day=2026-06-02")
    booking = Booking.objects.get(length=45)
    assert booking.start_datetime is not None
    assert booking.start_datetime.isoformat() == "2026-06-02T14:30:00+00:00"
    assert booking.events.get().user == house.staff


def test_a_form_with_a_mistake_keeps_what_was_typed(house: House, desk: Client) -> None:
    values = {"location": house.location.pk, "start": "2026-03-08T02:30", "length": "0"}
    refused = desk.post(house.address("new-opening/"), values)
    assert refused.status_code == 400
    assert "The clocks go forward that night: 2:30 AM does not exist" in said(refused)
    assert 'value="2026-03-08T02:30"' in refused.content.decode()
    assert not Booking.objects.filter(partner=None).exists()


def test_an_empty_day_links_to_a_new_opening_there(house: House, desk: Client) -> None:
    """On a phone there is no empty time to click."""
    link = "../new-opening/?location=QuillonL&amp;start=2026-06-05T09%3A00"
    empty = desk.get(house.address("board/?day=2026-06-05")).content.decode()
    assert f'Add <a href="{link}">an opening</a>' in empty
    some = desk.get(house.address("board/?day=2026-06-02")).content.decode()
    narrow = link.replace("06-05", "06-02")
    assert f'<p class="oc-on-phone"><a class="oc-button quiet" href="{narrow}">' in some


def test_a_doctor_without_a_location_is_named(house: House, desk: Client) -> None:
    said_so = "Dr. New has no location yet, so is not on any board."
    assert "works at no location" not in said(desk.get(house.address("board/")))
    house.practice.doctors.create(pk="new", name="Dr. New")
    assert said_so in said(desk.get(house.address("board/")))


def test_history_tells_who_when_and_what(house: House, desk: Client, clock: Traveller) -> None:
    clock.shift(timedelta(hours=1))
    path = house.address(f"place/{house.appointment.pk}/cancel/")
    desk.post(path, {"seen": "booked"})
    text = said(desk.get(house.address(f"opening/{house.booking.pk}/")))
    assert "Mon, Jun 1, 2026, 1:00 PM · Quillonina" in text
    assert "Quillonette Quillonfield: booked → cancelled" in text
    assert "Mon, Jun 1, 2026, 12:00 PM · Quillon Partner Opening published: free" in text


def test_the_list_in_view_is_exported_as_text_and_never_as_a_formula(
    house: House, desk: Client
) -> None:
    house.doctor.name = "=cmd|'/c calc'!A1"
    house.doctor.save()
    answer = desk.get(house.address("openings.csv?day=2026-06-02"))
    assert 'filename="openings.csv"' in answer.headers["Content-Disposition"]
    rows = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))
    assert rows[0] == list(csv_export.COLUMNS)
    assert rows[1][:4] == [house.booking.pk, "Free", "2026-06-02 09:00", "America/New_York"]
    assert rows[1][6] == "'=cmd|'/c calc'!A1"
    assert len(rows) == 2


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "  =1", "=1"])
def test_what_begins_like_a_formula_is_text(text: str) -> None:
    assert csv_export.cell(text) == f"'{text}"
    assert csv_export.cell(f"a{text}") == f"a{text}"


def test_a_big_practice_is_shown_in_few_queries_and_quickly(house: House) -> None:
    crowd(house)
    client = browser(house.staff)
    page = house.address("board/?day=2026-06-09&view=week")
    client.get(page)  # templates are compiled once
    with CaptureQueriesContext(connection) as queries:
        answer = client.get(page)
    assert answer.content.decode().count('class="chip ') == 2000 + 1  # and the weekly one
    assert len(queries) == QUERIES, [query["sql"][:120] for query in queries]
    took = min(_seconds(client, page) for _ in range(5))
    assert took < 0.6, f"{took * 1000:.0f} ms"


def _seconds(client: Client, page: str) -> float:
    began = time.process_time()  # what others do on this machine is not measured
    client.get(page)
    return time.process_time() - began


def crowd(house: House) -> None:
    """Fill the week of June 8 with 2 000 bookings at 5 locations with 12 doctors each."""
    locations = [factories.location(house.practice, name=f"Office {each}") for each in range(4)] + [
        house.location
    ]
    begins = datetime(2026, 6, 8, 12, tzinfo=NOON.tzinfo)
    rows = []
    for nth, location in enumerate(locations):
        doctors = [factories.doctor(location, name=f"Dr. {nth}-{each}") for each in range(12)]
        for each in range(400):
            start = begins + timedelta(days=each // 80, minutes=each % 80 // 12 * 60)
            rows.append(
                Booking(
                    practice=house.practice,
                    location=location,
                    doctor=doctors[each % 12],
                    start_datetime=start,
                    status=Status.OPEN,
                    total_appointments=2,
                    created_at=NOON,
                    updated_at=NOON,
                )
            )
    Booking.objects.bulk_create(rows)


def test_the_board_says_that_mail_waits_once_it_has_waited_for_ten_minutes(
    house: House, desk: Client, clock: Traveller, settings: Any
) -> None:
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example"}
    Task.objects.all().delete()
    page = house.address("board/")
    clock.shift(599)
    tasks.task(run_after=NOON)
    assert "E-mail has been" not in said(desk.get(page))
    clock.shift(1)
    banner = "E-mail has been waiting to go out since {}. Tell the operator."
    assert banner.format("12:00 PM") in said(desk.get(page))
    Task.objects.update(run_after=NOON - timedelta(days=1))
    assert banner.format("Sun, May 31, 2026, 12:00 PM") in said(desk.get(page))


def test_where_mail_is_written_to_files_the_board_says_so(
    house: House, desk: Client, settings: Any
) -> None:
    line = "E-mail to patients is not sent: it is only written to files on the server."
    assert line in said(desk.get(house.address("board/")))
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example"}
    assert line not in said(desk.get(house.address("board/")))
