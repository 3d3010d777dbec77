"""Links to calendars: who has one, when it ends, how it is answered, and what is kept of it."""

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import Client

from bookings.calendars import feed, links
from bookings.models import CalendarLink
from practices.models import Membership, Practice
from tests.calendars.conftest import Reader
from tests.conftest import only_once_on_sqlite
from tests.factories import NOON, Scene


def test_a_token_has_160_bits_and_is_kept_as_its_digest(reader: Reader) -> None:
    tokens = {reader.token}
    for _ in range(20):
        last = CalendarLink.objects.get(user=reader.user)
        again = links.make(reader.scene.doctor, user=reader.user, now=NOON, instead_of=last.pk)
        tokens.add(str(again))
    assert len(tokens) == 21
    assert {len(each) for each in tokens} == {27}  # 20 bytes in base64url
    row = CalendarLink.objects.values().get()
    assert not [each for each in tokens if each in str(row)]


def test_it_is_answered_for_the_calendar_alone(reader: Reader) -> None:
    answer = reader.ask()
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8; method=PUBLISH"
    assert {*answer.headers["Cache-Control"].split(", ")} == {"private", "no-store"}
    assert answer.headers["X-Robots-Tag"] == "noindex"
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert not answer.cookies
    assert "Cookie" not in answer.headers.get("Vary", "")
    head = reader.ask("HEAD")
    assert (head.status_code, head.content) == (200, b"")
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        refused = reader.ask(method)
        assert (refused.status_code, refused.headers["Allow"]) == (405, "GET, HEAD"), method


def switch_off_account(reader: Reader) -> None:
    User.objects.filter(pk=reader.user.pk).update(is_active=False)


def take_login_away(reader: Reader) -> None:
    User.objects.filter(pk=reader.user.pk).update(is_staff=False)


def leave(reader: Reader) -> None:
    Membership.objects.filter(user=reader.user).delete()


def switch_off_practice(reader: Reader) -> None:
    Practice.objects.update(active=False)


def revoke(reader: Reader) -> None:
    links.revoke(reader.link, by=reader.user)


def replace(reader: Reader) -> None:
    link = reader.link
    assert links.make(link.doctor, user=reader.user, now=NOON, instead_of=link.pk)


@pytest.mark.parametrize(
    "end", [switch_off_account, take_login_away, leave, switch_off_practice, revoke, replace]
)
def test_it_ends_with_the_next_look_as_if_it_had_never_been(
    end: Callable[[Reader], None], reader: Reader
) -> None:
    assert reader.ask().status_code == 200
    end(reader)
    answer = reader.ask()
    never = Client(headers={"host": "localhost"}).get(f"/calendar/{'x' * 27}.ics")
    assert answer.status_code == never.status_code == 404
    assert answer.content == never.content
    varying = {"X-Request-ID"}
    assert dict(answer.headers).keys() == dict(never.headers).keys()
    assert {k: v for k, v in answer.headers.items() if k not in varying} == {
        k: v for k, v in never.headers.items() if k not in varying
    }


def test_an_operator_sees_every_practice_and_who_leaves_one_keeps_the_other(
    reader: Reader,
) -> None:
    other = Scene()
    Membership.objects.create(user=reader.user, practice=other.practice)
    assert links.make(other.doctor, user=reader.user, now=NOON)
    Membership.objects.filter(practice=reader.scene.practice).delete()
    assert reader.ask().status_code == 404
    assert links.working().get().doctor == other.doctor
    User.objects.filter(pk=reader.user.pk).update(is_superuser=True)
    assert reader.ask().status_code == 200


@pytest.mark.parametrize("token", ["x", "x" * 28, "%00" * 27, "ü" * 27, "..", "x" * 3000])
def test_what_is_no_token_is_a_404(db: None, token: str) -> None:
    answer = Client(headers={"host": "localhost"}).get(f"/calendar/{token}.ics")
    assert answer.status_code == 404


def test_it_goes_with_its_doctor_and_with_its_person(reader: Reader) -> None:
    reader.scene.doctor.delete()
    assert not CalendarLink.objects.exists()


def test_when_it_was_last_used_is_known_to_the_minute(reader: Reader, clock: Any) -> None:
    def used() -> Any:
        return CalendarLink.objects.get().last_used_at

    assert used() is None
    clock.shift(timedelta(seconds=59))
    tag = reader.ask().headers["ETag"]
    assert used() == NOON
    clock.shift(timedelta(seconds=2))
    assert reader.ask(If_None_Match=tag).status_code == 304
    assert used() == NOON + timedelta(minutes=1)


def test_a_link_is_read_so_often_an_hour(reader: Reader, clock: Any) -> None:
    for _ in range(feed.PER_LINK[0]):
        assert reader.ask(If_None_Match="*").status_code == 304
    refused = reader.ask()
    assert refused.status_code == 429
    assert 0 < int(refused.headers["Retry-After"]) <= 3600
    assert Reader(reader.scene, "ben.ode").ask().status_code == 200
    clock.shift(timedelta(hours=1))
    assert reader.ask().status_code == 200


def test_whoever_guesses_is_slowed_while_a_right_link_still_works(
    reader: Reader, settings: Any
) -> None:
    settings.WRONG_KEY_LIMIT = (2, 60)
    guess = Client(headers={"host": "localhost"}).get
    found = [guess(f"/calendar/{'x' * 27}.ics").status_code for _ in range(4)]
    assert found == [404, 404, 429, 429]
    assert reader.ask().status_code == 200


@only_once_on_sqlite
def test_no_log_and_no_history_has_the_token(
    reader: Reader, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        reader.ask()
        links.revoke(reader.link, by=reader.user)
        reader.ask()
    requests = [vars(each)["request"] for each in caplog.records if "request" in vars(each)]
    assert {each["route"] for each in requests} <= {"/calendar/<str:token>.ics"}
    told = [str(entry) + entry.change_message for entry in LogEntry.objects.order_by("pk")]
    assert "Created the link to the calendar of Dr. Reyes" in told[0]
    assert "Revoked the link to the calendar of Dr. Reyes" in told[1]
    assert reader.token not in str(told)
