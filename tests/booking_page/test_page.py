"""The booking page as a whole: whom it answers, in which language, with which headers."""

import pytest
from django.test import Client
from django.utils import translation

from practices.models import BookingPage, Practice
from tests.factories import Scene

pytestmark = pytest.mark.django_db


@pytest.fixture
def scene(clock) -> Scene:
    scene = Scene()
    BookingPage.objects.create(practice=scene.practice, active=True)
    return scene


def test_the_first_page_answers_in_the_language_of_its_address_without_a_cookie(scene):
    english = Client().get(f"/book/{scene.practice.pk}", headers={"Accept-Language": "es"})
    spanish = Client().get(f"/es/book/{scene.practice.pk}/")
    assert (english.status_code, spanish.status_code) == (200, 200)
    assert '<html lang="en">' in english.text
    assert '<html lang="es">' in spanish.text
    assert f'href="/es/book/{scene.practice.pk}"' in english.text
    assert not english.cookies
    assert english["Cache-Control"] == "no-store"
    assert english["Referrer-Policy"] == "no-referrer"


def test_a_practice_without_a_page_says_to_call_and_an_unknown_one_is_not_found(scene):
    BookingPage.objects.update(active=False)
    off = Client().get(f"/book/{scene.practice.pk}")
    assert off.status_code == 404
    assert "Call the office" in off.text
    unknown = Client().get("/book/nobody")
    Practice.objects.update(active=False)
    closed = Client().get(f"/book/{scene.practice.pk}")
    assert (unknown.status_code, closed.status_code) == (404, 404)
    for each in (unknown, closed, Client().get("/book/nobody/day"), Client().get("/visit/a/b")):
        assert "This page does not exist" in each.text
        assert "Staff login" not in each.text
    assert "Esta página no existe" in Client().get("/es/book/nobody").text


def test_a_bug_of_ours_is_told_to_patients_in_their_language(scene, monkeypatch):
    monkeypatch.setattr("bookings.scheduling.bookings.catch_up", None)
    answer = Client(raise_request_exception=False).get(f"/es/book/{scene.practice.pk}")
    assert answer.status_code == 500
    assert "llame al consultorio" in answer.text


def test_a_state_that_cannot_be_read_begins_anew(scene):
    for sent in ("x", "\ud800", "é", "gAAAA", "\0"):
        query = {"state": sent.encode("utf-8", "surrogatepass")}
        answer = Client().get(f"/book/{scene.practice.pk}", query)
        assert answer.status_code == 400, sent
        assert "Start over" in answer.text


def test_spanish_does_not_stay_for_the_next_request_of_the_thread(scene):
    Client().get(f"/es/book/{scene.practice.pk}")
    assert translation.get_language() == "en"
