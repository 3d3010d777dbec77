"""Admin of partners and list of API keys, for operators; keys.py has the pages to issue them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.html import format_html

from practices.admin.named import NamedAdmin, state
from practices.models import ApiKey, Partner
from practices.scoping import ScopedAdmin


def may_in_words(partner: Partner, practice_names: list[str]) -> str:
    """Return in sentences what a partner's keys permit."""
    if not partner.active:
        return "Nothing: the partner is switched off, so none of its keys work."
    return " ".join([_may(partner, practice_names), *_as_system(partner)])


def _may(partner: Partner, practice_names: list[str]) -> str:
    read = "May read openings of every practice"
    if not partner.special_authorization:
        return f"{read}; may not list practices or change anything."
    if partner.all_practices:
        where = "every practice, including those added later"
    elif practice_names:
        where = ", ".join(practice_names)
    else:
        return f"{read} and list practices; may not change anything until it is granted a practice."
    return f"{read}, list practices, and publish, edit and close its own openings in {where}."


def _as_system(partner: Partner) -> Iterator[str]:
    """Say what a partner may do as the own system of practices, and where it has no effect."""
    marked = [each.practice for each in partner.systems.all()]
    granted = marked if partner.all_practices else partner.practices.all()
    where = ", ".join(each.name for each in marked if each in granted)
    if where:
        says = ", and says what it has entered" if partner.special_authorization else ""
        yield f"As the software of {where} it reads every visit there with the patient{says}."
    without = ", ".join(each.name for each in marked if each not in granted)
    if without:
        yield f"It is marked as the software of {without}, without effect as it is not granted it."


def state_in_words(key: ApiKey, now: datetime) -> str:
    """Return whether a key works, and until when, as a text."""
    if key.revoked_at is not None and key.revoked_at <= now:
        return f"Revoked {_at(key.revoked_at)}"
    if key.expires_at is not None and key.expires_at <= now:
        return f"Expired {_at(key.expires_at)}"
    if key.expires_at is not None:
        return f"Works until {_at(key.expires_at)}"
    return "Works"


NO_CONTACT = "Nobody is told when its webhooks fail: enter the contact’s e-mail address."


def lacks_contact(partner: Partner) -> bool:
    """Whether mail about failing webhooks would have nowhere to go."""
    return not partner.contact_email and partner.webhooks.exists()


def _at(instant: datetime) -> str:
    return date_format(instant, "DATETIME_FORMAT")


@admin.register(Partner)
class PartnerAdmin(NamedAdmin):
    """Organizations that call the API."""

    operators_may = frozenset({"view", "add", "change"})  # it has bookings, and a history
    list_display = ["name", state, "may_do", "keys_link"]
    search_fields = ["name", "id"]
    list_filter = ["active", "special_authorization", "all_practices"]
    labels = {
        "special_authorization": "May list practices and fill those that it is granted",
        "all_practices": "Is granted every practice",
        "practices": "Is granted these practices",
    }
    help_texts = {
        "special_authorization": "If off, it may only read, whatever it is granted below.",
        "all_practices": "Including those added later.",
        "practices": "There it may publish, edit and close its own openings.",
    }

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        shown = super().get_readonly_fields(request, obj)
        return ["may_do", "keys_link", "webhooks_link", *shown] if obj else []

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """Say what a partner may do where that is less than it looks."""
        super().save_related(request, form, formsets, change)
        partner = form.instance
        granted = [each.name for each in partner.practices.all()]
        if bool(partner.all_practices or granted) != partner.special_authorization:
            self.message_user(request, may_in_words(partner, granted), messages.WARNING)
        if lacks_contact(partner):
            self.message_user(request, f"{partner}: {NO_CONTACT}", messages.WARNING)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).prefetch_related("practices", "systems__practice")

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        return super().formfield_for_manytomany(
            db_field, request, **{**kwargs, "widget": forms.CheckboxSelectMultiple}
        )

    @admin.display(description="What it may do")
    def may_do(self, partner: Partner) -> str:
        return may_in_words(partner, [practice.name for practice in partner.practices.all()])

    @admin.display(description="Keys")
    def keys_link(self, partner: Partner) -> str:
        address = reverse("admin:partner_keys", args=[partner.pk])
        return format_html('<a href="{}">Keys of {}</a>', address, partner.name)

    @admin.display(description="Webhooks")
    def webhooks_link(self, partner: Partner) -> str:
        address = reverse("admin:partner_webhooks", args=[partner.pk])
        more = f" {NO_CONTACT}" if lacks_contact(partner) else ""
        return format_html('<a href="{}">Webhooks of {}</a>{}', address, partner.name, more)


@admin.register(ApiKey)
class ApiKeyAdmin(ScopedAdmin):
    """All keys in one list; the partner's page has the actions."""

    operators_may = frozenset({"view"})
    list_display = ["prefix", "partner", "label", "state", "created_at", "created_by", "used"]
    list_select_related = ["partner", "created_by"]
    list_filter = ["partner"]
    search_fields = ["prefix", "label", "partner__name"]
    exclude = ["digest"]

    @admin.display(description="State")
    def state(self, key: ApiKey) -> str:
        return state_in_words(key, timezone.now())

    @admin.display(description="Last used", empty_value="Never", ordering="last_used_at")
    def used(self, key: ApiKey) -> datetime | None:
        return key.last_used_at
