"""The public list over HTTP: who is in it, how it is asked for, and how long an answer is good."""

import gzip
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bookings.models import Booking
from bookings.scheduling import appointments
from practices.models import BookingPage, Practice
from tests import factories
from tests.factories import NOON, Scene
from tests.smart import lists
from tests.smart.lists import MANIFEST, get, path, slots


@pytest.fixture
def listed(scene: Scene) -> Scene:
    lists.listed(scene)
    scene.booking()
    return scene


@pytest.mark.parametrize(
    "off",
    [
        lambda practice: setattr(practice.booking_page, "public_feed", False),
        lambda practice: setattr(practice.booking_page, "active", False),
        lambda practice: setattr(practice, "active", False),
    ],
)
def test_only_practices_that_opted_in_and_are_on_are_listed(
    off: Callable[[Practice], None], listed: Scene
) -> None:
    assert len(lists.manifest()["output"]) == 7
    assert slots(listed.practice)
    off(listed.practice)
    listed.practice.booking_page.save()
    listed.practice.save()
    assert lists.manifest()["output"] == []
    refused = get(path(listed.practice, "Slot"))
    assert (refused.status_code, refused.json()["status"]) == (404, 404)
    assert refused.headers["Content-Type"] == "application/problem+json"


def test_a_location_that_lacks_something_is_left_out_with_its_openings(listed: Scene) -> None:
    other = factories.location(listed.practice, **{**lists.ADDRESS, "state_code": "NJ"})
    doctor = factories.doctor(other)
    listed.booking(location_id=other.pk, doctor_id=doctor.pk)
    assert len(slots(listed.practice)) == 2
    assert lists.manifest()["output"][0]["extension"] == {"state": ["NJ", "NY"]}
    other.zip = " "
    other.save()
    for kind in ("Location", "Practitioner", "PractitionerRole", "Schedule", "Slot"):
        assert len(lists.lines(path(listed.practice, kind))) == 1, kind
    assert lists.manifest()["output"][0]["extension"] == {"state": ["NY"]}


@pytest.mark.parametrize(
    ("name", "accept", "media_type"),
    [
        (MANIFEST, "", "application/json"),
        (MANIFEST, "application/json", "application/json"),
        (MANIFEST, "application/fhir+json", "application/json"),
        (MANIFEST, "*/*", "application/json"),
        (MANIFEST, "text/html", None),
        ("Slot", "", "application/fhir+ndjson"),
        ("Slot", "application/fhir+ndjson", "application/fhir+ndjson"),
        ("Slot", "text/html, */*;q=0.8", "application/fhir+ndjson"),
        ("Slot", "application/json", None),
    ],
)
def test_what_is_accepted(name: str, accept: str, media_type: str | None, listed: Scene) -> None:
    url = name if name == MANIFEST else path(listed.practice, name)
    answer = get(url, Accept=accept) if accept else get(url)
    assert answer.status_code == (406 if media_type is None else 200)
    assert answer.headers["Content-Type"] == (media_type or "application/problem+json")


@pytest.mark.parametrize("name", [MANIFEST, "Slot"])
def test_an_answer_is_for_everybody_and_a_known_one_is_not_sent_again(
    name: str, listed: Scene, clock: Any
) -> None:
    url = name if name == MANIFEST else path(listed.practice, name)
    first = get(url)
    assert first.headers["Cache-Control"] == "public, max-age=60"
    assert "Set-Cookie" not in first.headers
    assert "Last-Modified" not in first.headers  # the second is not over
    clock.shift(1)
    tag, since = first.headers["ETag"], get(url).headers["Last-Modified"]
    for known in ({"If_None_Match": f'"x", {tag}'}, {"If_Modified_Since": since}):
        again = get(url, **known)
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
    assert get(url, If_None_Match='"x"', If_Modified_Since=since).status_code == 200
    clock.shift(3600)
    listed.booking(start_datetime=datetime(2026, 6, 3, 9), now=NOON + timedelta(hours=1))  # noqa: DTZ001  # wall time
    for known in ({"If_None_Match": tag}, {"If_Modified_Since": since}):
        assert get(url, **known).status_code == 200


def test_it_is_compressed_for_whoever_takes_that(listed: Scene) -> None:
    plain = get(path(listed.practice, "Slot"))
    compressed = get(path(listed.practice, "Slot"), Accept_Encoding="br, gzip")
    assert compressed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(compressed.content) == plain.content
    assert compressed.headers["ETag"] == plain.headers["ETag"]
    assert "Accept-Encoding" in plain.headers["Vary"]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_other_methods_are_refused(method: str, listed: Scene) -> None:
    answer = Client(enforce_csrf_checks=True, HTTP_HOST="testserver").generic(method, MANIFEST)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD")
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_head_says_what_get_would(listed: Scene) -> None:
    client, url = Client(HTTP_HOST="testserver"), path(listed.practice, "Slot")
    head, answer = client.head(url), client.get(url)
    assert head.headers["Content-Length"] == answer.headers["Content-Length"]
    assert head.headers["ETag"] == answer.headers["ETag"]


@pytest.mark.parametrize("rest", ["", "/", "/nobody/Slot.ndjson", "/x", "/{}/Patient.ndjson"])
def test_what_is_not_there_asks_for_no_key(rest: str, listed: Scene) -> None:
    answer = get(f"/scheduling/smart{rest.format(listed.practice.pk)}")
    assert answer.status_code == 404
    assert answer.headers["Content-Type"] == "application/problem+json"


def test_the_manifest_is_kept_for_seconds_as_it_costs_what_all_practices_do(
    listed: Scene, clock: Any
) -> None:
    lists.manifest()
    with CaptureQueriesContext(connection) as asked:
        assert len(get(MANIFEST).json()["output"]) == 7
    assert [each["sql"] for each in asked if "api_counter" not in each["sql"]] == []
    BookingPage.objects.update(public_feed=False)
    clock.shift(timedelta(seconds=5))
    assert get(MANIFEST).json()["output"] == []


def test_one_address_asks_so_often(listed: Scene, settings: Any) -> None:
    settings.PUBLIC_LISTS_PER_ADDRESS = (2, 60)
    statuses = [get(MANIFEST).status_code for _ in range(3)]
    assert statuses == [200, 200, 429]
    assert int(get(MANIFEST).headers["Retry-After"]) > 0


def test_a_hold_that_has_ended_is_free_though_nobody_has_read_since(
    listed: Scene, clock: Any
) -> None:
    (pk,) = slots(listed.practice)
    appointments.take(booking_id=pk, fields={"status": "pending"}, by=listed.actor, now=NOON)
    assert slots(listed.practice)[pk]["status"] == "busy-tentative"
    clock.shift(901)
    assert slots(listed.practice)[pk]["status"] == "free"


def test_what_is_kept_ends_when_the_clock_changes_it(scene: Scene, clock: Any) -> None:
    lists.listed(scene, notice_hours=2, horizon_days=1)
    soon, late = (
        scene.booking(start_datetime=NOON + each).pk
        for each in (timedelta(hours=3), timedelta(days=1, minutes=30))
    )
    both = {soon, late}
    for minute, there in ((0, {soon}), (29, {soon}), (30, both), (60, both), (61, {late})):
        clock.move_to(NOON + timedelta(minutes=minute), tick=False)
        assert {*slots(scene.practice)} == there, minute


@pytest.mark.parametrize(
    "change",
    [
        lambda scene: scene.practice.booking_page.doctors.add(factories.doctor(scene.location)),
        lambda scene: Practice.objects.update(name="Another"),
        lambda scene: type(scene.location).objects.update(office_phone="212 555 0000"),
        lambda scene: type(scene.doctor).objects.update(name="Dr. Another"),
        lambda scene: type(scene.practice.booking_page).objects.update(notice_hours=48),
        lambda scene: scene.doctor.locations.add(
            factories.location(scene.practice, **lists.ADDRESS)
        ),
    ],
)
def test_a_change_that_is_no_event_is_in_the_next_answer(
    change: Callable[[Scene], Any], listed: Scene
) -> None:
    def told() -> list[bytes]:
        return [get(each["url"]).content for each in lists.manifest()["output"]]

    before = told()
    change(listed)
    assert told() != before


def test_a_file_that_is_kept_costs_no_look_at_the_openings(listed: Scene) -> None:
    slots(listed.practice)
    with CaptureQueriesContext(connection) as asked:
        slots(listed.practice)
    table = Booking._meta.db_table
    # But for the holds that have ended.
    looked = [each["sql"] for each in asked if f'FROM "{table}"' in each["sql"]]
    assert len(looked) == 1
    assert "pending_until" in looked[0]
    assert len(asked) <= 12
