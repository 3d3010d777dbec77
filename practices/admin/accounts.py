"""Admin of staff accounts, for operators: who may log in, and for which practices."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin
from django.contrib.auth.models import Group, User
from django.forms import ModelForm
from django.http import HttpRequest

from practices.models import Membership
from practices.scoping import ScopedAdmin

# Rights follow from membership: groups and permissions would have no effect.
admin.site.unregister([User, Group])


class MembershipInline(admin.TabularInline):
    """The practices a person works for, for operators only."""

    model = Membership
    verbose_name_plural = "Practices this person works for"
    extra = 1

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Add an aria-label: for screen readers the table's heading does not label the choice."""
        field: Any = super().formfield_for_foreignkey(db_field, request, **kwargs)
        field.widget.attrs["aria-label"] = "Practice"
        return field


@admin.register(User)
class AccountAdmin(ScopedAdmin, UserAdmin):
    """Accounts that can log in. They are switched off, not deleted: the history refers to them."""

    operators_may = frozenset({"view", "add", "change"})
    inlines = [MembershipInline]
    filter_horizontal = ()
    list_display = ["username", "first_name", "last_name", "works_for", "state", "last_login"]
    list_filter = ["is_active", "is_superuser"]
    fieldsets = (
        (None, {"fields": ("username", "password")}),
        ("Person", {"fields": ("first_name", "last_name", "email")}),
        ("Access", {"fields": ("is_active", "is_superuser", "last_login")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "first_name", "last_name", "password1", "password2")}),
    )
    readonly_fields = ["last_login"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Make one's own switches read-only: the last operator could lock everyone out."""
        own = obj is not None and obj.pk == request.user.pk
        return ["last_login", "is_active", "is_superuser"] if own else ["last_login"]

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("memberships__practice")

    @admin.display(description="Works for")
    def works_for(self, user: Any) -> str:
        if user.is_superuser:
            return "All practices (operator)"
        return ", ".join(row.practice.name for row in user.memberships.all()) or "Nothing yet"

    @admin.display(description="State", ordering="is_active")
    def state(self, user: Any) -> str:
        return "On" if user.is_active else "Switched off"

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[ModelForm]:
        form: Any = super().get_form(request, obj, change=change, **kwargs)
        for name, words in {
            "is_active": "Off: this person can no longer log in.",
            "is_superuser": "Runs the installation: all practices, accounts, partners and keys.",
        }.items():
            if name in form.base_fields:
                form.base_fields[name].help_text = words
        if "is_superuser" in form.base_fields:
            form.base_fields["is_superuser"].label = "Operator"
        return form  # type: ignore[no-any-return]  # UserAdmin has no types for it

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Set is_staff: every account may use the admin, limited to its memberships."""
        obj.is_staff = True
        super().save_model(request, obj, form, change)


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    """Who works for which practice, in one list."""

    list_display = ["user", "practice"]
    list_select_related = ["user", "practice"]
    list_filter = ["practice"]
    search_fields = ["user__username", "practice__name"]
