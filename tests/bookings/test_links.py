"""Manage links: secret, the same wherever they are shown, and known to the database as a digest."""

import re
from typing import Any

import pytest

from bookings.models import Appointment, ManageLink
from bookings.patients import links
from bookings.scheduling import appointments
from tests.bookings.test_patients import everything_stored, new_key
from tests.factories import NOON, Scene


def take(scene: Scene) -> Appointment:
    fields: Any = {"status": "booked", "first_name": "Ada"}
    booking = scene.booking()
    return appointments.take(booking_id=booking.pk, fields=fields, by=scene.actor, now=NOON)


def test_a_visit_has_one_link_wherever_it_is_shown(scene: Scene) -> None:
    ada, ben = take(scene), take(scene)
    token = links.give(ada)
    assert re.fullmatch(links.FORM, token)
    assert links.give(Appointment.objects.get(pk=ada.pk)) == token != links.give(ben)
    assert (links.find(token), links.find(links.give(ben))) == (ada, ben)
    assert ManageLink.objects.count() == 2


def test_the_database_has_only_its_digest(scene: Scene) -> None:
    token = links.give(take(scene))
    assert token not in everything_stored()
    (digest,) = ManageLink.objects.values_list("digest", flat=True)
    assert digest in everything_stored()
    assert links.find(digest) is None
    assert links.find(digest[:27]) is None


def test_a_link_survives_new_keys(scene: Scene, settings: Any) -> None:
    old, new = new_key(), new_key()
    settings.PATIENT_KEYS = [old]
    token = links.give(ada := take(scene))
    settings.PATIENT_KEYS = [new, old]
    assert links.give(ada) == token
    settings.PATIENT_KEYS = [new]  # one that is in a mail, although nobody can make it again
    assert links.find(token) == ada


def test_once_its_key_is_gone_a_visit_gets_another_link_beside_the_one_in_a_calendar(
    scene: Scene, settings: Any
) -> None:
    settings.PATIENT_KEYS = [new_key()]
    was = links.give(ada := take(scene))
    settings.PATIENT_KEYS = [new_key()]
    token = links.give(ada)
    assert token == links.give(ada) != was
    assert links.find(token) == links.find(was) == ada


@pytest.mark.parametrize(
    "token",
    ["", "A" * 27, "A" * 26, "A" * 28, "A" * 26 + "\n", "A" * 26 + "\x00", "é" * 27, "A" * 10_000],
)
def test_an_odd_token_is_nobodys(scene: Scene, token: str) -> None:
    links.give(take(scene))
    assert links.find(token) is None
