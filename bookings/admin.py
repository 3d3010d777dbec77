"""Django admin of bookings, for operators: the access log here, tasks and webhooks beside it.

Staff have pages of their own: bookings.desk.
"""

from django.contrib import admin

from bookings import admin_tasks as admin_tasks  # which registers its model
from bookings.admin_webhooks import lists as lists  # as this does
from bookings.desk import labels
from bookings.models import Access
from practices.scoping import ScopedAdmin


@admin.register(Access)
class AccessAdmin(ScopedAdmin):
    """Read-only access log of patients' data."""

    operators_may = frozenset({"view"})
    list_display = ["at", "practice", "who", "method", "route", "places", "waiting"]
    list_select_related = ["practice", "api_key__partner", "user"]
    list_filter = ["actor", "practice"]
    search_fields = ["appointments", "entries"]
    search_help_text = "Part of the reference of a visit, or of a family on a waiting list."
    ordering = ["-id"]
    exclude = ["api_key", "user"]
    readonly_fields = ["who"]

    @admin.display(description="By")
    def who(self, access: Access) -> str:
        return labels.who(access)

    @admin.display(description="Places")
    def places(self, access: Access) -> int:
        return len(access.appointments)

    @admin.display(description="Families waiting")
    def waiting(self, access: Access) -> int:
        return len(access.entries or ())
