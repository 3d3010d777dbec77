"""Admin of practices, locations and doctors."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest

from practices.admin.identified import IdentifiedAdmin, state
from practices.models import Doctor, Location, Practice


@admin.register(Practice)
class PracticeAdmin(IdentifiedAdmin):
    """Practices are added by operators; staff can view their own."""

    practice_path = "pk"
    list_display = ["name", "kind", state]
    search_fields = ["name", "id"]
    list_filter = ["kind", "active"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Make the kind read-only once there are bookings."""
        if obj is None:
            return []
        return ["kind", "api_id"] if obj.bookings.exists() else ["api_id"]


@admin.register(Location)
class LocationAdmin(IdentifiedAdmin):
    """Staff edit address and phone; an operator chooses the practice and the time zone."""

    practice_path = "practice"
    staff_may = frozenset({"view", "change"})
    list_display = ["name", "practice", "city", "timezone", "office_phone"]
    list_select_related = ["practice"]
    search_fields = ["name", "city", "id"]
    list_filter = ["practice"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Make read-only what bookings depend on: the practice and, for staff, the time zone."""
        if obj is None:
            return []
        if request.user.is_superuser:
            return ["practice", "api_id"]
        return ["practice", "timezone", "api_id"]


class DoctorForm(forms.ModelForm):
    """Refuses locations of another practice than the doctor's."""

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        practice = cleaned.get("practice") or getattr(self.instance, "practice", None)
        elsewhere = [
            location
            for location in cleaned.get("locations") or []
            if practice is not None and location.practice_id != practice.pk
        ]
        if elsewhere:
            names = ", ".join(location.name for location in elsewhere)
            raise ValidationError(
                {"locations": f"Not of {practice}: {names}. Choose locations of the same practice."}
            )
        return cleaned


@admin.register(Doctor)
class DoctorAdmin(IdentifiedAdmin):
    """Staff add doctors and choose the locations at which they work."""

    practice_path = "practice"
    staff_may = frozenset({"view", "add", "change"})
    form = DoctorForm
    list_display = ["name", "practice", "works_at"]
    list_select_related = ["practice"]
    search_fields = ["name", "id"]
    list_filter = ["practice", "locations"]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """Say that a doctor without a location is on no board."""
        super().save_related(request, form, formsets, change)
        if not form.instance.locations.exists():
            self.message_user(
                request,
                "This doctor works at no location yet, and so is on no board and in no form: "
                "choose a location.",
                messages.WARNING,
            )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Make the practice in which bookings were made read-only."""
        return [] if obj is None else ["practice", "api_id"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Doctor]:
        rows: QuerySet[Doctor] = super().get_queryset(request)
        return rows.prefetch_related("locations")

    @admin.display(description="Works at")
    def works_at(self, doctor: Doctor) -> str:
        return ", ".join(each.name for each in doctor.locations.all()) or "No location yet"

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(
            db_field, request, **{**kwargs, "widget": forms.CheckboxSelectMultiple}
        )
