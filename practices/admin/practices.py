"""Admin of practices, locations and doctors."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.http import HttpRequest

from practices.models import Doctor, Location, Practice
from practices.scoping import ScopedAdmin


@admin.register(Practice)
class PracticeAdmin(ScopedAdmin):
    """Practices are added by operators; staff can view their own."""

    practice_path = "pk"
    list_display = ["name", "kind", "active", "id"]
    search_fields = ["name", "id"]
    list_filter = ["kind", "active"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Make the id and, once there are bookings, the kind read-only."""
        if obj is None:
            return []
        return ["id", "kind"] if obj.bookings.exists() else ["id"]


@admin.register(Location)
class LocationAdmin(ScopedAdmin):
    """Staff edit address and phone; an operator chooses the practice and the time zone."""

    practice_path = "practice"
    staff_may = frozenset({"view", "change"})
    list_display = ["name", "practice", "city", "timezone", "office_phone", "id"]
    list_select_related = ["practice"]
    search_fields = ["name", "city", "id"]
    list_filter = ["practice"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Make read-only what bookings depend on: the practice and, for staff, the time zone."""
        if obj is None:
            return []
        return ["id", "practice"] if request.user.is_superuser else ["id", "practice", "timezone"]


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
                {"locations": f"Not locations of {practice}: {names}. Choose others."}
            )
        return cleaned


@admin.register(Doctor)
class DoctorAdmin(ScopedAdmin):
    """Staff add doctors and choose the locations at which they work."""

    practice_path = "practice"
    staff_may = frozenset({"view", "add", "change"})
    form = DoctorForm
    list_display = ["name", "practice", "id"]
    list_select_related = ["practice"]
    search_fields = ["name", "id"]
    list_filter = ["practice", "locations"]

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """Say that a doctor without a location is on no board."""
        super().save_related(request, form, formsets, change)
        if not form.instance.locations.exists():
            self.message_user(
                request,
                "This doctor has no location yet, so cannot be chosen anywhere. Choose a location.",
                messages.WARNING,
            )

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Make the id, and the practice in which bookings were made, read-only."""
        return [] if obj is None else ["id", "practice"]

    def get_exclude(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Hide the id from staff: the error "taken" would reveal which ids others have."""
        return ["id"] if obj is None and not request.user.is_superuser else []

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(
            db_field, request, **{**kwargs, "widget": forms.CheckboxSelectMultiple}
        )
