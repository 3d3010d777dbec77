"""What tests of logins share: a practice whose staff have a password, and how one logs in."""

from typing import Any

import pytest
from django.test import Client

from tests.desk.world import House

PASSWORD = "a long pass phrase"


@pytest.fixture
def house(clock: Any, db: None, settings: Any) -> House:
    """Make a practice with somebody who works there, and has a password."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # not slow
    made = House("Quillon")
    made.staff.set_password(PASSWORD)
    made.staff.save()
    return made


def attempt(client: Client, username: str, password: str, address: str = "192.0.2.1") -> Any:
    """Try to log in from an address."""
    return client.post(
        "/admin/login/",
        {"username": username, "password": password, "next": "/admin/"},
        REMOTE_ADDR=address,
        headers={"host": "localhost"},
    )
