"""Practices, their people and places, and partners with keys, in the admin."""

from practices.admin import accounts, partners, world

__all__ = ["accounts", "partners", "world"]
