"""The preview: staff see the page of a practice that is off, and nobody else does."""

from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from time_machine import Traveller

from bookings.booking_page import preview
from practices.models import BookingPage
from tests import factories
from tests.conftest import only_once_on_sqlite
from tests.factories import NOON, Scene

pytestmark = [pytest.mark.django_db, only_once_on_sqlite]


def opened(practice_id: str, token: str, language: str = "") -> tuple[int, bool]:
    """Return the first page's status, and whether it says that it is a preview."""
    answer = Client().get(f"{language}/book/{practice_id}", {"preview": token})
    return answer.status_code, 'class="preview"' in unescape(answer.text)


def test_a_page_that_is_off_is_shown_to_whom_the_desk_gave_the_address(scene: Scene) -> None:
    practice_id = scene.practice.pk
    token = preview.token(practice_id)
    assert opened(practice_id, token) == opened(practice_id, token, "/es") == (200, True)
    assert opened(practice_id, "") == (404, False)
    BookingPage.objects.create(practice=scene.practice, active=True)
    assert opened(practice_id, token) == (200, True)
    assert opened(practice_id, "") == (200, False)


def test_the_address_is_for_one_practice_and_a_day(scene: Scene, clock: Traveller) -> None:
    token = preview.token(scene.practice.pk)
    second = factories.practice()
    factories.location(second)
    assert opened(second.pk, token) == (404, False)
    clock.move_to(NOON + timedelta(seconds=preview.LASTS + 1))
    assert opened(scene.practice.pk, token) == (404, False)


@pytest.mark.parametrize("sent", ["x", "a:b:c", "\0", "é", "\ud800", "x" * 5000])
def test_what_is_no_token_previews_nothing(sent: str, scene: Scene) -> None:
    token = sent.encode("utf-8", "surrogatepass")
    assert Client().get(f"/book/{scene.practice.pk}", {"preview": token}).status_code == 404
