"""Django admin of practices, staff accounts, partners and API keys."""

from practices.admin import accounts, partners, practices

__all__ = ["accounts", "partners", "practices"]
