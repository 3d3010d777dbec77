"""Admin list of all webhooks, for operators; pages.py has what is done with them."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Count, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.html import format_html

from bookings.models import Webhook, WebhookDelivery
from practices.scoping import ScopedAdmin

_OF_ONE = WebhookDelivery.objects.pending().filter(webhook=OuterRef("pk")).values("webhook")
# By a join it would count all that were delivered in a month.
WAITING = Coalesce(Subquery(_OF_ONE.annotate(count=Count("pk")).values("count")), 0)


def state_in_words(webhook: Webhook) -> str:
    """Return whether it is on, or why it is off."""
    return "On" if webhook.active else f"Off: {webhook.get_off_reason_display()}"


def address_of(webhook: Webhook) -> str:
    """Return the URL of a webhook's page."""
    return reverse("admin:partner_webhook", args=[webhook.partner_id, webhook.pk])


@admin.register(Webhook)
class WebhookAdmin(ScopedAdmin):
    """All webhooks in one list; each has a page of its own."""

    operators_may = frozenset({"view"})
    list_display = ["address", "partner", "state", "failing", "waiting"]
    list_display_links = None
    list_select_related = ["partner"]
    list_filter = ["active", "partner"]
    search_fields = ["url", "partner__name"]
    ordering = ["partner__name", "created_at", "pk"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Webhook]:
        rows: QuerySet[Webhook] = super().get_queryset(request)
        return rows.annotate(waiting=WAITING)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any) -> HttpResponse:
        return self._page(request, object_id)

    def history_view(self, request: HttpRequest, object_id: str, *args: Any) -> HttpResponse:
        return self._page(request, object_id)

    def _page(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Lead to the webhook's page, which has what may be seen, and what was done with it."""
        webhook = get_object_or_404(self.get_queryset(request), pk=object_id)
        return redirect(address_of(webhook))

    @admin.display(description="Address", ordering="url")
    def address(self, webhook: Webhook) -> str:
        link = '<a class="oc-address" href="{}">{}</a>'
        return format_html(link, address_of(webhook), webhook.url)

    @admin.display(description="State", ordering="active")
    def state(self, webhook: Webhook) -> str:
        return state_in_words(webhook)

    @admin.display(description="Failing since", empty_value="–", ordering="failing_since")
    def failing(self, webhook: Webhook) -> datetime | None:
        return webhook.failing_since

    @admin.display(description="Waiting", ordering="waiting")
    def waiting(self, webhook: Any) -> int:
        count: int = webhook.waiting
        return count
