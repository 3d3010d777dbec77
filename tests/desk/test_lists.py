"""The lists of patients, openings, weekly openings and history: what they show, and of which."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.desk import paging
from bookings.models import Booking
from bookings.scheduling import appointments, bookings
from tests.conftest import only_once
from tests.desk.world import House, browser, person, said
from tests.factories import NOON

LISTS = ("patients/", "openings/", "weekly/", "history/")
ODD = ["\0", "9" * 5000, "²", "9999-12-31", "0001-01-01", "<b>"]


def test_a_patients_row_says_all_that_is_asked_and_leads_to_the_visit(
    house: House, desk: Client
) -> None:
    page = desk.get(house.address("patients/"))
    assert (
        "Quillonette Quillonfield , Tue, Jun 2, 2026, 9:00 AM Tue, Jun 2, 2026, 9:00 AM "
        "Dr. Quillonson Quillon Square Booked 555 0100 Move"
    ) in said(page)
    link = f"{house.address(f'opening/{house.booking.pk}/')}#patient-{house.appointment.pk}"
    assert f'href="{link}"' in page.content.decode()


def test_patients_are_listed_from_today_and_earlier_ones_are_asked_for(
    house: House, clock: Traveller
) -> None:
    clock.shift(timedelta(days=2))
    desk = browser(house.staff)
    for query in ("", "?last=2026-06-01", "?first=2026-06-03"):
        nobody = said(desk.get(house.address(f"patients/{query}")))
        assert "No visit matches" in nobody
    for query in ("?first=", "?last=2026-06-02", "?first=2026-06-02&last=2026-06-02"):
        assert "Quillonette" in said(desk.get(house.address(f"patients/{query}")))


def test_in_a_range_practice_a_visit_is_on_the_day_of_its_exact_time(
    range_house: House, range_desk: Client
) -> None:
    exact = datetime.fromisoformat("2026-06-04T13:15:00-04:00")
    appointments.edit(
        appointment_id=range_house.appointment.pk,
        fields={"status": "booked", "start_datetime": exact},
        by=range_house.actor,
        now=NOON,
    )
    for page in ("patients/", "openings/"):
        asked = range_house.address(f"{page}?first=2026-06-04&last=2026-06-04")
        assert "Thu, Jun 4, 2026, 1:15 PM" in said(range_desk.get(asked))
    asked = range_house.address("patients/?first=2026-06-02&last=2026-06-02")
    assert "Rosalvaette" not in said(range_desk.get(asked))


@pytest.mark.parametrize(
    ("query", "is_listed"),
    [
        ("status=booked", True),
        ("status=cancelled", False),
        ("status=no_time", False),
        ("status=any", True),
        ("doctor=QuillonD&location=QuillonL", True),
        ("doctor=new", False),
    ],
)
def test_patients_are_filtered(query: str, is_listed: bool, house: House, desk: Client) -> None:
    other = house.practice.doctors.create(pk="new", name="Dr. New")
    other.locations.add(house.location)
    assert ("Quillonette" in said(desk.get(house.address(f"patients/?{query}")))) is is_listed


def test_the_cancelled_are_listed_only_when_asked_for(house: House, desk: Client) -> None:
    appointments.cancel(appointment_id=house.appointment.pk, by=house.actor, now=NOON)
    assert "Quillonette" not in said(desk.get(house.address("patients/")))
    for status in ("cancelled", "any"):
        page = said(desk.get(house.address(f"patients/?status={status}")))
        assert "Quillon Square Cancelled 555 0100" in page


def test_what_has_no_time_yet_is_pointed_out_and_listed_by_itself(
    house: House, desk: Client
) -> None:
    for page, words in (("openings/", "Some openings have no time"), ("patients/", "a time")):
        assert words not in said(desk.get(house.address(page))).partition("Show")[2]
    untimed = house.publish("U", start=None)  # type: ignore[arg-type]  # as partners may
    assert untimed.start_datetime is None
    assert "Some openings have no time yet. Show them" in said(desk.get(house.address("openings/")))
    alone = said(desk.get(house.address("openings/?status=no_time")))
    assert "No time yet , Dr. Quillonson" in alone
    assert "Jun 2" not in alone


def test_an_openings_row_says_what_it_is(house: House, desk: Client) -> None:
    page = said(desk.get(house.address("openings/")))
    row = "Dr. Quillonson Quillon Square 60 min Free"
    assert f"Tue, Jun 2, 2026, 9:00 AM , Dr. Quillonson {row} 1 of 3 taken" in page
    assert f"Wed, Jun 3, 2026, 2:00 PM , Dr. Quillonson weekly {row} 0 of 3 taken" in page


def test_the_order_is_turned_round_by_the_heading_of_the_time(house: House, desk: Client) -> None:
    for order, told, first in (("", "ascending", "Tue, Jun 2"), ("latest", "descending", "Wed, ")):
        page = desk.get(house.address(f"openings/?order={order}"))
        assert f'aria-sort="{told}"' in page.content.decode()
        rows = page.context["rows"]
        assert rows[0].when.startswith(first)
        starts = [row.booking.start_datetime for row in rows]
        assert starts == sorted(starts, reverse=bool(order))


def test_openings_are_downloaded_as_they_are_filtered(house: House, desk: Client) -> None:
    answer = desk.get(house.address("openings/openings.csv?first=2026-06-02&last=2026-06-02"))
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    heading, row = answer.content.decode().splitlines()
    assert heading.startswith("\ufeffid,status,")
    assert row.startswith(f"{house.booking.pk},Free,2026-06-02 09:00,America/New_York,60,")
    page = desk.get(house.address("openings/?first=2026-06-02&status=open")).content.decode()
    assert "openings/openings.csv?first=2026-06-02&amp;status=open" in page
    refused = desk.get(house.address("openings/openings.csv?first=June"))
    assert refused.status_code == 400


def test_weekly_openings_say_when_and_the_next_of_them_is_edited_or_ended(
    house: House, desk: Client
) -> None:
    page = desk.get(house.address("weekly/"))
    assert (
        "Wednesdays, 2:00 PM Dr. Quillonson Quillon Square 60 min "
        "Wed, Jun 3, 2026, 2:00 PM , Dr. Quillonson Active Edit or end"
    ) in said(page)
    assert house.address(f"opening/{house.weekly.pk}/edit/") in page.content.decode()
    bookings.edit(booking_id=house.weekly.pk, fields={"recurring": False}, by=house.actor, now=NOON)
    ended = said(desk.get(house.address("weekly/")))
    assert "Ended" in ended
    assert "Edit or end" not in ended


def test_history_says_what_was_changed_when_by_whom_and_of_which_opening(
    house: House, desk: Client, clock: Traveller
) -> None:
    clock.shift(timedelta(hours=1))
    cancel = house.address(f"place/{house.appointment.pk}/cancel/")
    desk.post(cancel, {"seen": "booked", "reason": "moved away"})
    page = said(desk.get(house.address("history/")))
    opening = "Tue, Jun 2, 2026, 9:00 AM Dr. Quillonson · Quillon Square"
    assert (
        "Mon, Jun 1, 2026, 1:00 PM, New York time (EDT) Quillonette Quillonfield: booked → "
        f"cancelled Reason: moved away Quillonina {opening}"
    ) in page
    assert f"Opening published: free Quillon Partner {opening}" in page


@pytest.mark.parametrize(
    ("query", "is_listed"),
    [
        ("by=partner", True),
        ("by=staff", False),
        ("first=2026-06-01&last=2026-06-01", True),
        ("first=2026-06-02", False),
        ("last=2026-05-31", False),
    ],
)
def test_history_is_filtered(query: str, is_listed: bool, house: House, desk: Client) -> None:
    page = said(desk.get(house.address(f"history/?{query}")))
    assert ("Opening published" in page) is is_listed


def test_fifty_rows_are_a_page(house: House, desk: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paging, "SIZE", 2)
    count = Booking.objects.filter(practice=house.practice).count()
    address, seen = "?", list[str]()
    while address:
        page = desk.get(house.address(f"openings/{address}"))
        seen += [row.booking.pk for row in page.context["rows"]]
        address = page.context["next"]
    assert len(seen) == len(set(seen)) == count
    assert "Previous page" in said(page)


def test_a_list_makes_the_weeks_that_are_due_at_a_whole_millisecond(
    house: House, clock: Traveller
) -> None:
    clock.shift(timedelta(weeks=2, microseconds=123_456))
    browser(house.staff).get(house.address("openings/"))
    made = Booking.objects.latest("created_at").created_at
    assert made - NOON == timedelta(weeks=2, milliseconds=123)


@only_once  # what fails at odd texts is PostgreSQL
@pytest.mark.parametrize("text", ODD)
def test_odd_filters_are_answered_in_words(text: str, house: House, desk: Client) -> None:
    for name in ("first", "last", "doctor", "location", "status", "page", "order"):
        answer = desk.get(house.address("patients/"), {name: [text, text]})
        is_refused = f"<title>{'Error: ' * (answer.status_code == 400)}Patients"
        assert answer.status_code in {200, 400}, name
        assert is_refused in answer.content.decode(), name
    for page, name in (("history/", "by"), ("openings/openings.csv", "first"), ("weekly/", "page")):
        assert desk.get(house.address(page), {name: text}).status_code in {200, 400}, page


def test_days_the_wrong_way_round_are_told_at_their_field(house: House, desk: Client) -> None:
    page = desk.get(house.address("history/?first=2026-06-02&last=2026-06-01"))
    assert page.status_code == 400
    html = page.content.decode()
    assert 'aria-describedby="id_last_error"' in html
    assert 'id="id_last_error"' in html
    assert "Until : The last day is before the first." in said(page)


def test_a_list_has_no_more_queries_where_it_has_more_rows(
    house: House, desk: Client, django_assert_max_num_queries: Any
) -> None:
    counts = []
    desk.get(house.address("patients/"))  # makes what is due
    for number in range(2):
        counted = []
        for page in LISTS:
            with django_assert_max_num_queries(25) as asked:
                desk.get(house.address(page))
            counted.append(len(asked))
        counts.append(counted)
        for letter in "NM":
            house.patient(house.publish(f"{letter}{number}", recurring=True))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("page", [*LISTS, "openings/openings.csv"])
def test_lists_are_for_staff_of_the_practice_and_operators(page: str, house: House) -> None:
    other = House("Zyx")
    assert browser(other.staff).get(house.address(page)).status_code == 404
    operator = browser(person("operator", is_superuser=True))
    assert operator.get(house.address(page)).status_code == 200
    assert operator.post(house.address(page)).status_code == 405


def test_former_addresses_lead_to_the_lists_and_to_the_opening(house: House, desk: Client) -> None:
    for former, now in (
        ("booking/?status__exact=open", "openings/"),
        ("appointment/", "patients/"),
        ("event/", "history/"),
        ("series/", "weekly/"),
        (f"booking/{house.booking.pk}/change/", f"opening/{house.booking.pk}/"),
        (f"appointment/{house.appointment.pk}/history/", f"opening/{house.booking.pk}/"),
    ):
        answer = desk.get(f"/admin/bookings/{former}")
        assert answer.headers["Location"] == house.address(now)
    other = House("Zyx")
    theirs = browser(other.staff)
    for gone in (f"booking/{house.booking.pk}/", "appointment/x/change/", "booking/%00/"):
        assert theirs.get(f"/admin/bookings/{gone}").status_code == 404
    of_both = browser(person("of-both", house.practice, other.practice))
    assert of_both.get("/admin/bookings/event/").headers["Location"] == "/admin/"
