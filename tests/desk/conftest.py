"""Fixtures of the desk: a practice of each kind, and a client logged in at each."""

from typing import Any

import pytest
from django.test import Client

from practices.models import Kind
from tests.desk.world import House, browser


@pytest.fixture
def house(clock: Any, db: None) -> House:
    return House("Quillon")


@pytest.fixture
def range_house(clock: Any, db: None) -> House:
    return House("Rosalva", Kind.RANGE)


@pytest.fixture
def desk(house: House) -> Client:
    """Return a client logged in at the practice with exact times."""
    return browser(house.staff)


@pytest.fixture
def range_desk(range_house: House) -> Client:
    """Return a client logged in at the practice with range bookings."""
    return browser(range_house.staff)


@pytest.fixture
def mine(clock: Any, db: None) -> House:
    """Make the practice of the person who is logged in."""
    return House("Quillon", Kind.RANGE)


@pytest.fixture
def other(clock: Any, db: None) -> House:
    """Make another practice, with names that stand out."""
    return House("Zyxwvut", Kind.RANGE)


@pytest.fixture
def staff(mine: House, other: House) -> Client:
    """Return a client logged in for the first practice alone."""
    return browser(mine.staff)
