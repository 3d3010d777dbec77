"""The command `demo`: its data, and the JSON document that it writes."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import authenticate
from django.core.management import call_command
from django.db import transaction
from django.test import Client
from pytest_django import DjangoDbBlocker

from bookings.models import (
    Appointment,
    Attendance,
    Booking,
    Delivery,
    Proposal,
    Queue,
    Task,
    WaitlistEntry,
    WaitlistOffer,
)
from practices.models import BookingPage, Practice
from tests.conftest import Caller, only_once_on_sqlite

pytestmark = [pytest.mark.django_db, only_once_on_sqlite]


def demo(*arguments: str) -> str:
    told = StringIO()
    call_command("demo", *arguments, stdout=told)
    return told.getvalue()


@pytest.fixture(scope="module")
def document(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[Any]:
    """Make the demo once; what a test changes is taken back after it."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield json.loads(demo("--json"))
        transaction.set_rollback(True)


def test_the_document_has_the_contracts_shape(document: Any) -> None:
    assert list(document) == ["practices", "keys", "staff"]
    assert list(document["practices"]) == ["exact", "range", "ungranted"]
    for practice in document["practices"].values():
        assert list(practice) == ["id", "locations", "doctors"]
        assert len(practice["locations"]) == 2
        assert practice["doctors"]
    assert set(document["keys"]) == {
        "full",
        "full_second",
        "read_only",
        "exact_only",
        "other_partner",
        "revoked",
        "expired",
    }
    assert set(document["staff"]) == {"exact", "range", "operator"}


@pytest.mark.parametrize(("name", "zone"), [("exact", "New_York"), ("range", "Chicago")])
def test_practices_are_where_and_of_the_kind_they_are_called(
    document: Any, name: str, zone: str
) -> None:
    practice = document["practices"][name]
    assert Practice.objects.get(pk=practice["id"]).kind == name
    for location_id in practice["locations"]:
        answer = Caller(document["keys"]["read_only"])("GET", f"/scheduling/location/{location_id}")
        assert answer.json()["timezone"] == f"America/{zone}"


@pytest.mark.parametrize(
    ("key", "lists", "exact", "in_range", "ungranted"),
    [
        ("full", 200, 201, 201, 403),
        ("full_second", 200, 201, 201, 403),
        ("other_partner", 200, 201, 201, 403),
        ("exact_only", 200, 201, 403, 403),
        ("read_only", 403, 403, 403, 403),
        ("revoked", 401, 401, 401, 401),
        ("expired", 401, 401, 401, 401),
    ],
)
def test_keys_may_do_what_they_are_called(
    document: Any, key: str, lists: int, exact: int, in_range: int, ungranted: int
) -> None:
    api = Caller(document["keys"][key])
    assert api("GET", "/scheduling/practices").status_code == lists
    expected = {"exact": exact, "range": in_range, "ungranted": ungranted}
    for name, status in expected.items():
        practice = document["practices"][name]
        body = {"location_id": practice["locations"][1], "doctor_id": practice["doctors"][0]}
        assert api("POST", "/onlinescheduling/booking", body).status_code == status


def test_staff_can_log_in(document: Any) -> None:
    for name, login in document["staff"].items():
        user = authenticate(**login)
        assert user is not None
        assert user.is_staff
        assert user.is_superuser == (name == "operator")


def test_again_keeps_what_there_is_and_the_keys_and_logins_told_before(document: Any) -> None:
    before = set(Booking.objects.values_list("pk", flat=True))
    again = json.loads(demo("--json"))
    assert set(Booking.objects.values_list("pk", flat=True)) == before
    assert again["practices"] == document["practices"]
    assert not set(again["keys"].values()) & set(document["keys"].values())
    old_key = Caller(document["keys"]["full"])
    assert old_key("GET", "/scheduling/practices").status_code == 200
    for who, login in document["staff"].items():
        assert again["staff"][who] != login
        assert authenticate(**login) is not None


def test_its_data_looks_like_a_real_week(document: Any) -> None:
    for name, statuses in (
        ("exact", {"open", "booked"}),
        ("range", {"open", "booked", "reserved"}),
    ):
        found = Booking.objects.filter(practice_id=document["practices"][name]["id"])
        assert set(found.values_list("status", flat=True)) >= statuses
        assert found.count() >= 60


def test_eight_past_weeks_have_visits_that_came_or_did_not(document: Any) -> None:
    this_monday = datetime.now(UTC) - timedelta(days=datetime.now(UTC).weekday())
    for practice_id in ("rtGB2", "3rt42"):
        visits = Appointment.objects.filter(booking__practice_id=practice_id)
        for back in range(1, 9):
            monday = this_monday - timedelta(weeks=back)
            week = monday.date(), (monday + timedelta(days=5)).date()
            found = visits.filter(booking__start_datetime__date__range=week)
            assert found.filter(attendance=Attendance.KEPT).count() >= 10
        assert set(visits.values_list("attendance", flat=True)) == set(Attendance.values)
        assert visits.values("partner").distinct().count() >= 3
        assert all(visit.unread_person.cancel_reason for visit in visits.filter(status="cancelled"))


def test_patients_who_booked_by_themselves_came_from_somewhere(document: Any) -> None:
    for practice_id in ("rtGB2", "3rt42"):
        of_page = Appointment.objects.filter(
            booking__practice_id=practice_id, partner=None, group_id__isnull=False
        )
        assert of_page.filter(source__isnull=False, confirmed_at__isnull=False).exists()
        assert of_page.filter(attribution__utm_campaign="back-to-school").exists()
        assert set(of_page.values_list("language", flat=True)) == {"en", "es"}
        for visit in of_page.filter(confirmed_at__isnull=False):
            assert visit.exact_time is not None
            assert visit.confirmed_at is not None
            assert visit.created_at <= visit.confirmed_at <= visit.exact_time


def test_what_became_of_mail_is_shown_and_none_is_sent(document: Any) -> None:
    outcomes = Delivery.objects.values_list("outcome", flat=True)
    assert set(outcomes) == {"sent", "refused", "dropped"}
    assert {*Task.objects.values_list("queue_name", flat=True)} == {Queue.WEBHOOK}


def test_families_wait_in_both_practices(document: Any) -> None:
    before = set(WaitlistEntry.objects.values_list("pk", flat=True))
    for practice_id in ("rtGB2", "3rt42"):
        found = WaitlistEntry.objects.filter(practice=practice_id)
        assert sorted(found.values_list("status", flat=True)) == ["paused", *["waiting"] * 4]
        assert found.filter(priority=1).count() == found.filter(people=3).count() == 1
        assert WaitlistOffer.objects.filter(entry__in=found, outcome=None).count() == 1
        api = Caller(document["keys"]["full"])
        assert len(api("GET", f"/onlinescheduling/practice/{practice_id}/waitlist").json()) == 2
    demo()
    assert set(WaitlistEntry.objects.values_list("pk", flat=True)) == before


def test_the_range_practice_says_what_is_overdue_and_proposes_times(document: Any) -> None:
    range_id = document["practices"]["range"]["id"]
    assert BookingPage.objects.get(practice=range_id).promise_hours == 24
    proposal = Proposal.objects.get(appointment__booking__practice=range_id, outcome=None)
    assert proposal.times.count() == 2
    demo()
    assert Proposal.objects.count() == 1


def test_what_is_published_in_the_demo_is_open(document: Any) -> None:
    api, practice = Caller(document["keys"]["full"]), document["practices"]["exact"]
    where = {"location_id": practice["locations"][0], "doctor_id": practice["doctors"][0]}
    for days in (1, 5, 20, 65):
        start = (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="minutes")
        opening = {**where, "start_datetime": start, "total_appointments": 3}
        made = api("POST", "/onlinescheduling/booking", opening)
        assert api("GET", made["Location"]).json()["status"] == "open"


def test_no_doctor_is_in_two_places_at_once(document: Any) -> None:
    until: dict[str, datetime] = {}
    for each in Booking.objects.order_by("start_datetime"):
        assert each.start_datetime is not None
        assert until.get(each.doctor_id, each.start_datetime) <= each.start_datetime
        until[each.doctor_id] = each.start_datetime + timedelta(minutes=each.length)


def test_logins_of_a_welcome_are_the_front_desks_and_outlive_other_demos(document: Any) -> None:
    logins = re.findall(r"login (\S+), password (\S+)", demo("--welcome"))
    assert [name for name, _ in logins] == ["demo-acme", "demo-abc", "demo-operator"]
    demo("--json")
    demo()
    for username, password in logins:
        person = authenticate(username=username, password=password)
        assert person is not None
    browser = Client(HTTP_HOST="localhost")
    browser.login(username=logins[0][0], password=logins[0][1])
    assert browser.get("/admin/").headers["Location"] == "/admin/desk/rtGB2/board/"


def test_people_read_what_was_made(document: Any) -> None:
    told = demo()
    for part in ("Practices", "API keys", "Logins", "full_second", "demo-operator"):
        assert part in told


def test_patients_book_by_themselves_in_both_practices_in_two_languages(document: Any) -> None:
    practices = document["practices"]
    pages = {each.practice_id: each for each in BookingPage.objects.all()}
    assert set(pages) == {practices["exact"]["id"], practices["range"]["id"]}
    assert all(each.active and each.text_en and each.text_es for each in pages.values())
    promised = pages[practices["range"]["id"]]
    assert promised.promise_en
    assert promised.promise_es
    for practice in practices.values():
        status = Client().get(f"/book/{practice['id']}").status_code
        assert status == (200 if practice["id"] in pages else 404)
