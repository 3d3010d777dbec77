"""The secrets of second factors under the keys that patients' data has."""

from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured

from bookings.patients import rotation
from openchair import encryption
from openchair.staff.models import SecondFactor
from tests.bookings.test_patients import new_key, reencrypt
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House
from tests.staff import steps
from tests.staff.steps import code, give_code, give_password, is_in, new_client

pytestmark = only_once_on_sqlite


def test_keys_are_changed_without_the_app_noticing(house: House, settings: Any) -> None:
    [old], new = settings.PATIENT_KEYS, new_key()
    steps.give_factor(house.staff)
    settings.PATIENT_KEYS = [new, old]
    reencrypt()
    assert reencrypt().startswith("0 encrypted anew")
    settings.PATIENT_KEYS = [new]
    rotation.refuse_if_keys_are_missing()
    assert SecondFactor.objects.get().sealed_by == encryption.key_names()[0]
    client = new_client()
    give_password(client)
    assert give_code(client, code()).status_code == 302


def test_a_key_that_is_missing_is_named_and_lets_nobody_in(house: House, settings: Any) -> None:
    old = new_key()
    settings.PATIENT_KEYS = [old]
    missing = encryption.key_names()[0]
    recovery = steps.give_factor(house.staff)
    settings.PATIENT_KEYS = [new_key()]
    with pytest.raises(ImproperlyConfigured, match=missing):
        rotation.refuse_if_keys_are_missing()
    client = new_client()
    give_password(client)
    assert give_code(client, "123456").status_code == 503
    assert not is_in(client)
    assert give_code(client, "", recovery_code=recovery[0]).status_code == 302
