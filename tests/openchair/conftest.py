"""Fixtures that these tests share with those of the desk."""

from tests.desk.conftest import desk, house

__all__ = ["desk", "house"]
