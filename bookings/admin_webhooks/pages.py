"""Admin pages of a partner's webhooks, for operators: add, edit, switch, rotate, test, replay.

A secret's text is on one page, once, as a key's is: the answer to the request that made it.
"""

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_safe

from bookings import walltime
from bookings.admin_webhooks.forms import ReplayForm, WebhookForm
from bookings.admin_webhooks.lists import WAITING, address_of, state_in_words
from bookings.desk import labels
from bookings.messages.webhooks import endpoints, positions
from bookings.models import DeliveryStatus, Webhook, WebhookDelivery
from openchair.errors import Refused
from practices.admin import once
from practices.admin.keys import partners_page
from practices.admin.operators import not_sent
from practices.admin.partners import NO_CONTACT, lacks_contact
from practices.models import Partner

ONCE = "webhook_secrets"
SHOWN = 50
"""Deliveries on a page."""


def webhook_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view: for operators only, with the partner's webhook as its argument.

    The view runs in a transaction; with a POST the webhook's row is locked in it.
    """

    @partners_page
    @wraps(view)
    def entered(
        request: HttpRequest, partner: Partner, webhook_id: str, **kwargs: Any
    ) -> HttpResponse:
        with transaction.atomic():
            rows = partner.webhooks.select_related("partner")
            if request.method == "POST":
                rows = endpoints.locked(rows)
            return view(request, get_object_or_404(rows, pk=webhook_id), **kwargs)

    return entered


def webhook_act(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view that does something: as `webhook_page`, for POST alone."""

    @webhook_page
    @wraps(view)
    def entered(request: HttpRequest, webhook: Webhook, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return not_sent(request, address_of(webhook))
        return view(request, webhook, **kwargs)

    return entered


@partners_page
@require_safe
def partners(request: HttpRequest, partner: Partner) -> HttpResponse:
    """List a partner's webhooks, with a form to add one."""
    return _partners(request, partner, WebhookForm(partner, None))


def _partners(
    request: HttpRequest, partner: Partner, form: WebhookForm, *, status: int = 200
) -> HttpResponse:
    rows = partner.webhooks.annotate(waiting=WAITING).order_by("created_at", "pk")
    context = {
        **admin.site.each_context(request),
        "title": f"Webhooks of {partner.name}",
        "partner": partner,
        "webhooks": [{"row": each, "state": state_in_words(each)} for each in rows],
        "no_contact": NO_CONTACT if lacks_contact(partner) else "",
        "most": endpoints.MOST,
        "form": form,
        "has_mistakes": bool(form.errors),
        "once": once.token(request, ONCE),
        "changes": LogEntry.objects.select_related("user").filter(
            object_id=partner.pk,
            content_type__model="partner",
            change_message__contains="webhook",
        )[:20],
    }
    return render(request, "admin/webhooks/partner.html", context, status=status)


@partners_page
def add(request: HttpRequest, partner: Partner) -> HttpResponse:
    """Make a webhook and display its secret, this once."""
    if request.method != "POST":
        return not_sent(request, "admin:partner_webhooks", partner.pk)
    form = WebhookForm(partner, None, request.POST)
    if not form.is_valid():
        return _partners(request, partner, form, status=400)
    if not _is_first(request):
        return redirect("admin:partner_webhooks", partner.pk)
    try:
        with transaction.atomic():
            webhook, secret = endpoints.create(partner, **form.values)
            _log(request, webhook, "Added webhook")
    except Refused as refused:
        messages.error(request, refused.text)
        return redirect("admin:partner_webhooks", partner.pk)
    return _show(request, webhook, secret=secret)


@webhook_page
@require_safe
def page(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    """Show a webhook, what can be done with it, and the log of its deliveries."""
    return _show(request, webhook)


def _show(
    request: HttpRequest,
    webhook: Webhook,
    *,
    form: WebhookForm | None = None,
    secret: str = "",
    status: int = 200,
) -> HttpResponse:
    now, until = walltime.now(), webhook.old_secret_until
    wanted, start = _part_of_log(request)
    rows = webhook.deliveries.select_related("practice").order_by("-created_at", "pk")
    if wanted:
        rows = rows.filter(status=wanted)
    found = [*rows[start : start + SHOWN + 1]]
    context = {
        **admin.site.each_context(request),
        "title": webhook.url,
        "webhook": webhook,
        "partner": webhook.partner,
        "state": state_in_words(webhook),
        "waiting": webhook.deliveries.pending().count(),
        "form": form or WebhookForm(webhook.partner, webhook),
        "has_mistakes": form is not None,
        "secret": secret,
        "old_secret_until": until if until is not None and until > now else None,
        "once": once.token(request, ONCE),
        "statuses": [("", "All"), *DeliveryStatus.choices],
        "wanted": wanted,
        "deliveries": [{"row": each, "calls": _calls(each)} for each in found[:SHOWN]],
        "newer": max(0, start - SHOWN) if start else None,
        "older": start + SHOWN if len(found) > SHOWN else None,
    }
    return render(request, "admin/webhooks/page.html", context, status=status)


def _part_of_log(request: HttpRequest) -> tuple[str, int]:
    """Return which status is asked for, if any, and how many deliveries are left out before."""
    wanted, start = request.GET.get("status", ""), request.GET.get("from", "0")
    is_number = start.isascii() and start.isdigit() and len(start) <= 7
    return (wanted if wanted in DeliveryStatus.values else ""), (int(start) if is_number else 0)


def _calls(delivery: WebhookDelivery) -> list[dict[str, Any]]:
    return [{**call, "at": datetime.fromisoformat(call["at"])} for call in delivery.calls]


@webhook_act
def edit(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    form = WebhookForm(webhook.partner, webhook, request.POST)
    if not form.is_valid():
        return _show(request, webhook, form=form, status=400)
    if form.changed_data:
        webhook = endpoints.edit(webhook.pk, **form.values)
        changed = labels.listed([str(form.fields[name].label) for name in form.changed_data])
        _log(request, webhook, f"Changed “{changed}” of webhook")
    return _said(request, webhook, "Saved.")


@webhook_act
def switch(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    """Switch a webhook on, or off."""
    is_on = request.POST.get("on") == "yes"
    if webhook.active != is_on:
        webhook = endpoints.edit(webhook.pk, active=is_on)
        _log(request, webhook, f"Switched {'on' if is_on else 'off'} webhook")
    if is_on:
        return _said(request, webhook, "It is on, and is told what changes from now on.")
    return _said(request, webhook, "It is off. Nothing is kept for it.")


@webhook_act
def rotate(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    """Make a new secret and display it, this once."""
    if not _is_first(request):
        return redirect(address_of(webhook))
    try:
        webhook, secret = endpoints.rotate(webhook.pk, force="force" in request.POST)
    except Refused:  # somebody else has done it since this page was shown
        messages.error(request, "Its secret was changed already, in the last 24 hours.")
        return redirect(address_of(webhook))
    _log(request, webhook, "Changed the secret of webhook")
    return _show(request, webhook, secret=secret)


@webhook_act
def end_rotation(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    """Stop signing with the old secret."""
    if webhook.old_secret:
        webhook = endpoints.end_rotation(webhook.pk)
        _log(request, webhook, "Ended the old secret of webhook")
    return _said(request, webhook, "Calls are signed with the new secret alone.")


@webhook_act
def test(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    """Send a test."""
    endpoints.ping(webhook)
    _log(request, webhook, "Sent a test to webhook")
    return _said(request, webhook, "A test is on its way; reload this page to see what came of it.")


@webhook_act
def replay(request: HttpRequest, webhook: Webhook, delivery_id: str) -> HttpResponse:
    """Send one delivery once more."""
    delivery = get_object_or_404(webhook.deliveries, pk=delivery_id)
    if delivery.practice and delivery.practice not in positions.granted(webhook.partner):
        said = f"Nothing is sent: {webhook.partner} is no longer granted {delivery.practice}."
        messages.error(request, said)
        return redirect(address_of(webhook))
    endpoints.replay(delivery)
    _log(request, webhook, f"Sent delivery {delivery_id} again to webhook")
    return _said(request, webhook, "It is sent once more.")


@webhook_act
def replay_since(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    """Send once more what it was told in some last hours."""
    form = ReplayForm(request.POST)
    if not form.is_valid():
        messages.error(request, "Nothing is sent. Enter hours, from 1 to 720.")
        return redirect(address_of(webhook))
    hours = form.cleaned_data["hours"]
    count = endpoints.replay_since(webhook, walltime.now() - timedelta(hours=hours))
    _log(request, webhook, f"Sent the deliveries of the last {hours} hours again to webhook")
    return _said(request, webhook, f"{labels.counted(count, 'call')} will be made once more.")


@webhook_act
def delete(request: HttpRequest, webhook: Webhook) -> HttpResponse:
    partner_id = webhook.partner_id
    _log(request, webhook, "Deleted webhook")
    endpoints.delete(webhook.pk)
    messages.success(request, f"{webhook.url} is deleted.")
    return redirect("admin:partner_webhooks", partner_id)


def _is_first(request: HttpRequest) -> bool:
    if once.is_first(request, ONCE):
        return True
    messages.warning(
        request,
        "That secret was shown already and cannot be shown again. If it is lost, make a new one.",
    )
    return False


def _said(request: HttpRequest, webhook: Webhook, text: str) -> HttpResponse:
    messages.success(request, text)
    return redirect(address_of(webhook))


def _log(request: HttpRequest, webhook: Webhook, text: str) -> None:
    """Write into the partner's history, which outlives the webhook."""
    assert request.user.pk is not None
    LogEntry.objects.log_actions(
        request.user.pk, [webhook.partner], CHANGE, f"{text} {webhook.url}", single_object=True
    )
