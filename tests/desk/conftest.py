"""What tests of the desk share: a practice of each kind, and somebody logged in at each."""

from typing import Any

import pytest
from django.test import Client

from practices.models import Kind
from tests.desk.world import House, browser


@pytest.fixture
def house(clock: Any, db: None) -> House:
    """Make a practice with exact times."""
    return House("Quillon")


@pytest.fixture
def range_house(clock: Any, db: None) -> House:
    """Make a practice with range bookings."""
    return House("Rosalva", Kind.RANGE)


@pytest.fixture
def desk(house: House) -> Client:
    """Log in at the practice with exact times."""
    return browser(house.staff)


@pytest.fixture
def range_desk(range_house: House) -> Client:
    """Log in at the practice with range bookings."""
    return browser(range_house.staff)
