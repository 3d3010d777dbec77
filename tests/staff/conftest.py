"""Fixtures of logins: a practice whose staff have a password."""

from typing import Any

import pytest

from tests.desk.world import House

PASSWORD = "a long pass phrase"


@pytest.fixture
def house(clock: Any, db: None) -> House:
    """Make a practice with an account that has a password."""
    made = House("Quillon")
    give_password(made.staff)
    return made


def give_password(user: Any) -> None:
    """Set an account's password."""
    user.set_password(PASSWORD)
    user.save()
