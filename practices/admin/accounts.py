"""Admin of staff accounts, for operators: who may log in, and for which practices."""

from datetime import datetime
from typing import Any

import django.contrib.auth.admin  # noqa: F401  # registers User and Group: now, not after this
from django.contrib import admin, messages
from django.contrib.auth.forms import UsernameField
from django.contrib.auth.models import Group, User
from django.core.exceptions import PermissionDenied, ValidationError
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import path

from openchair.staff import invitations, second_factor
from practices.ids import is_id
from practices.models import Membership
from practices.scoping import PlainChoices, ScopedAdmin

# Rights follow from membership: groups and permissions would have no effect.
admin.site.unregister([User, Group])


class MembershipInline(PlainChoices, admin.TabularInline):
    """The practices a person works for, for operators only."""

    model = Membership
    verbose_name_plural = "Practices this person works for"
    extra = 1

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return bool(request.user.is_active and request.user.is_superuser)

    has_add_permission = has_change_permission = has_delete_permission = has_view_permission

    def get_formset(self, request: HttpRequest, obj: Any = None, **kwargs: Any) -> Any:
        """Preselect the practice that the address of a blank form names."""
        formset = super().get_formset(request, obj, **kwargs)
        practice_id = request.GET.get("practice")
        if request.method == "GET" and is_id(practice_id):
            formset.form.base_fields["practice"].initial = practice_id
        return formset

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Add an aria-label: for screen readers the table's heading does not label the choice."""
        field: Any = super().formfield_for_foreignkey(db_field, request, **kwargs)
        field.widget.attrs["aria-label"] = "Practice"
        return field


class AccountForm(ModelForm):
    """An account without its password, which only its owner sets and knows."""

    class Meta:
        model = User
        fields = ["username", "first_name", "last_name", "email", "is_active", "is_superuser"]
        field_classes = {"username": UsernameField}
        labels = {"email": "E-mail", "is_superuser": "Operator"}
        help_texts = {
            "username": "What the person logs in with, such as ana.ruiz.",
            "is_active": "If off, this person cannot log in.",
            "is_superuser": "Runs the installation: practices, staff accounts, partners and keys.",
        }

    def clean_username(self) -> str:
        """Refuse a name that another account has in capitals or small letters."""
        name: str = self.cleaned_data["username"]
        others = User.objects.exclude(pk=self.instance.pk).filter(username__iexact=name)
        if "username" in self.changed_data and others.exists():
            raise ValidationError("There is already an account with this username.")
        return name


class OperatorFilter(admin.BooleanFieldListFilter):
    """Operators, or everybody else, under the word that the form has for them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = "operator"


@admin.register(User)
class AccountAdmin(ScopedAdmin):
    """Accounts that can log in. They are switched off, not deleted: the history refers to them."""

    form = AccountForm
    change_form_template = "admin/account.html"
    operators_may = frozenset({"view", "add", "change"})
    inlines = [MembershipInline]
    list_display = ["username", "name", "works_for", "state", "logged_in"]
    list_filter = ["is_active", ("is_superuser", OperatorFilter)]
    search_fields = ["username", "first_name", "last_name", "email"]
    ordering = ["username"]
    readonly_fields = ["last_login"]

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return [(None, {"fields": ["username", "first_name", "last_name"]})]
        return [
            (None, {"fields": ["username", "first_name", "last_name", "email"]}),
            ("Access", {"fields": ["is_active", "is_superuser", "last_login"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Make one's own switches read-only: the last operator could lock everyone out."""
        own = obj is not None and obj.pk == request.user.pk
        return ["last_login", "is_active", "is_superuser"] if own else ["last_login"]

    def get_queryset(self, request: HttpRequest) -> Any:
        rows = super().get_queryset(request).select_related("second_factor")
        return rows.prefetch_related("memberships__practice")

    @admin.display(description="Name", ordering="first_name", empty_value="")
    def name(self, user: Any) -> str:
        return str(user.get_full_name())

    @admin.display(description="Works for")
    def works_for(self, user: Any) -> str:
        if user.is_superuser:
            return "All practices (operator)"
        return ", ".join(row.practice.name for row in user.memberships.all()) or "No practice yet"

    @admin.display(description="State", ordering="is_active")
    def state(self, user: Any) -> str:
        return "On" if user.is_active else "Switched off"

    @admin.display(description="Last login", ordering="last_login", empty_value="Never")
    def logged_in(self, user: Any) -> datetime | None:
        logged_in: datetime | None = user.last_login
        return logged_in

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """Set is_staff: every account may use the admin, limited to its memberships."""
        obj.is_staff = True
        super().save_model(request, obj, form, change)

    def get_urls(self) -> list[Any]:
        guard = self.admin_site.admin_view
        return [
            path("<int:pk>/invitation/", guard(self.invite), name="account_invitation"),
            path("<int:pk>/second-factor/", guard(self.reset), name="account_second_factor"),
            *super().get_urls(),
        ]

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> Any:
        """Show the invitation of the account that was made."""
        return self._invitation(request, obj)

    def invite(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Make a new invitation, for somebody who has lost the password, and show it once."""
        user = self._somebody_else(request, pk)
        if user is None or request.method != "POST":
            return redirect("admin:auth_user_change", pk)
        if not user.is_active:
            messages.error(request, "This account is switched off: its link would open nothing.")
            return redirect("admin:auth_user_change", pk)
        return self._invitation(request, user)

    def reset(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Remove the second factor of a person whose phone and codes are lost."""
        user = self._somebody_else(request, pk)
        if user and request.method == "POST":
            by: Any = request.user
            if second_factor.remove(user, by=by):
                messages.success(
                    request,
                    f"The second factor of {user.get_username()} is removed. The password is "
                    "enough until a new one is set up.",
                )
        return redirect("admin:auth_user_change", pk)

    def _somebody_else(self, request: HttpRequest, pk: int) -> Any:
        """Return the account; None for one's own, which has pages that ask for the password."""
        user = self.get_object(request, str(pk))
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        if user is None:
            raise Http404
        return None if user.pk == request.user.pk else user

    def _invitation(self, request: HttpRequest, user: Any) -> HttpResponse:
        link = invitations.invite(request, user)
        by: Any = request.user
        second_factor.record(user, "Created an invitation link", by=by)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Invitation for {user.get_username()}",
            "invited": user,
            "link": link,
        }
        return render(request, "admin/account_invitation.html", context)


@admin.register(Membership)
class MembershipAdmin(ScopedAdmin):
    """Who works for which practice, in one list."""

    list_display = ["user", "practice"]
    list_select_related = ["user", "practice"]
    list_filter = ["practice"]
    search_fields = ["user__username", "practice__name"]
