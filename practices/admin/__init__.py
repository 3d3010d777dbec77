"""Practices, their people and places, and partners with keys, in the admin."""

from practices.admin import accounts, partners, practices

__all__ = ["accounts", "partners", "practices"]
