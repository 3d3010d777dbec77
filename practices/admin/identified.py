"""Base of the admins of what partners know by an id, which the product chooses and shows last."""

from typing import Any

from django.contrib import admin

from practices.models import Partner, Practice
from practices.scoping import ScopedAdmin


class IdentifiedAdmin(ScopedAdmin):
    """Nobody types an id: the error "taken" would reveal which ids others have."""

    exclude = ["id"]

    @admin.display(description="Id in the API")
    def api_id(self, row: Any) -> str:
        return str(row.pk)


@admin.display(description="State", ordering="active")
def state(row: Practice | Partner) -> str:
    return "On" if row.active else "Switched off"
