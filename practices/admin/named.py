"""Base of the admin of what partners name by an id: the server makes it, forms only show it."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from practices.models import Partner, Practice
from practices.scoping import ScopedAdmin


@admin.display(description="State", ordering="active")
def state(row: Practice | Partner) -> str:
    return "On" if row.active else "Switched off"


class NamedAdmin(ScopedAdmin):
    """Admin of what partners name by its id, which the server makes and the form only shows."""

    exclude = ["id"]
    labels: dict[str, str] = {}
    help_texts: dict[str, str] = {}
    """Where the words of the model are those of the API."""

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return ["reference"] if obj else []

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        words = {"labels": self.labels, "help_texts": self.help_texts}
        return super().get_form(request, *args, **{**words, **kwargs})

    @admin.display(description="Reference, for partners")
    def reference(self, row: Any) -> str:
        return str(row.pk)
