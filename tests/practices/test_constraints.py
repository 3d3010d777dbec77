"""Constraints of practices' tables, tried past the application."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.db import DataError, IntegrityError, transaction
from django.utils import timezone

from practices.models import ApiKey, Doctor, Location, Membership, Partner, Practice
from tests.factories import Scene

pytestmark = pytest.mark.django_db
BAD_IDS = ["", "-a", "_a", "a b", "a/b", "é", "a" * 33, "a\n"]


def refused(model: Any, **columns: Any) -> None:
    """Update every row of a model past its validation, and expect an IntegrityError."""
    before = list(model.objects.order_by("pk").values())
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        model.objects.update(**columns)
    assert list(model.objects.order_by("pk").values()) == before


@pytest.mark.parametrize("bad", BAD_IDS)
@pytest.mark.parametrize("model", [Practice, Partner])
def test_the_database_refuses_what_is_not_an_id(model: Any, bad: str) -> None:
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        model.objects.create(id=bad, name="Somebody")
    assert not model.objects.exists()


@pytest.mark.parametrize("good", ["3", "3rt42", "b2rGH", "A_-", "a" * 32])
def test_the_database_takes_every_id_of_the_contract(good: str) -> None:
    Practice.objects.create(id=good, name="Somebody")
    assert Practice.objects.filter(id=good).exists()


def test_ids_tell_upper_from_lower_case() -> None:
    Practice.objects.create(id="abc", name="Lower")
    Practice.objects.create(id="ABC", name="Upper")
    assert Practice.objects.get(id="ABC").name == "Upper"
    assert list(Practice.objects.order_by("id").values_list("id", flat=True)) == ["ABC", "abc"]


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        (Practice, {"name": ""}),
        (Practice, {"name": "a" * 201}),
        (Practice, {"kind": "mixed"}),
        (Location, {"name": ""}),
        (Location, {"timezone": ""}),
        (Location, {"timezone": "a" * 65}),
        (Location, {"office_phone": "5" * 41}),
        (Location, {"street_address": "a" * 201}),
        (Location, {"city": "a" * 101}),
        (Location, {"state": "a" * 101}),
        (Location, {"zip": "1" * 21}),
        (Location, {"latitude": 90.1}),
        (Location, {"latitude": -90.1}),
        (Location, {"longitude": 180.1}),
        (Location, {"longitude": -180.1}),
        (Doctor, {"name": ""}),
        (Doctor, {"name": "a" * 201}),
        (Partner, {"name": ""}),
        (Partner, {"name": "a" * 201}),
        (ApiKey, {"label": "a" * 101}),
        (ApiKey, {"prefix": "oc_"}),
        (ApiKey, {"digest": "abc"}),
        (ApiKey, {"expires_at": timezone.now() - timedelta(days=9999)}),
    ],
)
def test_the_database_refuses_a_row_that_cannot_be(
    scene: Scene, model: Any, columns: dict[str, Any]
) -> None:
    refused(model, **columns)


def test_a_person_belongs_to_a_practice_once(scene: Scene) -> None:
    person = get_user_model().objects.create(username="ada")
    Membership.objects.create(user=person, practice=scene.practice)
    with pytest.raises(IntegrityError), transaction.atomic():
        Membership.objects.create(user=person, practice=scene.practice)


def test_two_partners_do_not_share_a_name(scene: Scene) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        Partner.objects.create(name=scene.partner.name)
