"""Admin pages of a partner's API keys, for operators: issue, revoke, expire, replace.

A key's text is on one page, once: the answer to the request that issued it. It is not stored, and a
reload of that page, which sends the form again, issues no second key.
"""

from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.models import CHANGE, LogEntry
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from practices.admin import once
from practices.admin.handing_over import curl_line
from practices.admin.operators import not_sent, operators_page
from practices.admin.partners import may_in_words, state_in_words
from practices.models import ApiKey, Partner

ONCE = "keys_to_issue"


class IssueForm(forms.Form):
    """The label and lifetime of a new key."""

    label = forms.CharField(
        max_length=100, required=False, help_text="Where the partner will use it."
    )
    days = forms.IntegerField(
        label="Days it works",
        min_value=1,
        max_value=3650,
        required=False,
        help_text="If empty, it works until it is revoked.",
    )


class ExpireForm(forms.Form):
    """The hours until a key expires."""

    hours = forms.IntegerField(min_value=1, max_value=24 * 365)


def partners_page(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view: for operators only, with the partner of the URL as its argument."""

    @operators_page
    @wraps(view)
    def entered(request: HttpRequest, partner_id: str, **kwargs: Any) -> HttpResponse:
        return view(request, get_object_or_404(Partner, pk=partner_id), **kwargs)

    return entered


def partners_act(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Decorate a view that does something: as `partners_page`, for POST alone."""

    @partners_page
    @wraps(view)
    def entered(request: HttpRequest, partner: Partner, **kwargs: Any) -> HttpResponse:
        if request.method != "POST":
            return not_sent(request, "admin:partner_keys", partner.pk)
        return view(request, partner, **kwargs)

    return entered


@partners_page
@require_safe
def page(request: HttpRequest, partner: Partner) -> HttpResponse:
    """List a partner's keys, with the actions for each."""
    return _show(request, partner)


def _show(
    request: HttpRequest,
    partner: Partner,
    *,
    form: IssueForm | None = None,
    shown: str | None = None,
    status: int = 200,
) -> HttpResponse:
    now = timezone.now()
    rows = partner.keys.select_related("created_by").order_by("-created_at", "-pk")
    keys = [
        {"row": key, "state": state_in_words(key, now), "ended": key.has_ended(now)} for key in rows
    ]
    practices = [practice.name for practice in partner.practices.all()]
    context = {
        **admin.site.each_context(request),
        "title": f"Keys of {partner.name}",
        "partner": partner,
        "may": may_in_words(partner, practices),
        "keys": keys,
        "form": form or IssueForm(),
        "shown": shown,
        "curl": shown and curl_line(request, partner, shown),
        "once": once.token(request, ONCE),
        "changes": LogEntry.objects.select_related("user").filter(
            object_id=partner.pk, content_type__model="partner", change_message__contains="key"
        )[:20],
    }
    return render(request, "admin/partners/keys.html", context, status=status)


def _state_in_sentence(key: ApiKey) -> str:
    state = state_in_words(key, timezone.now())
    return state[0].lower() + state[1:]


def _is_first(request: HttpRequest) -> bool:
    if once.is_first(request, ONCE):
        return True
    messages.warning(
        request,
        "That key was already issued and cannot be shown again. If it is lost, "
        "revoke it below and issue another.",
    )
    return False


@partners_act
def issue(request: HttpRequest, partner: Partner) -> HttpResponse:
    """Issue a key and display it, this once."""
    form = IssueForm(request.POST)
    if not form.is_valid():
        return _show(request, partner, form=form, status=400)
    if not _is_first(request):
        return redirect("admin:partner_keys", partner.pk)
    days = form.cleaned_data["days"]
    expires_at = None if days is None else timezone.now() + timedelta(days=days)
    with transaction.atomic():
        key, text = ApiKey.objects.issue(
            partner,
            label=form.cleaned_data["label"],
            expires_at=expires_at,
            created_by=request.user,  # type: ignore[arg-type]  # admin_view has checked it
        )
        _log(request, partner, f"Issued key {key.prefix}…")
    return _show(request, partner, shown=text)


@partners_act
def revoke(request: HttpRequest, partner: Partner, key_id: int) -> HttpResponse:
    with transaction.atomic():
        key = _locked(partner, key_id)
        if key.revoked_at is None:
            key.revoked_at = timezone.now()
            key.save(update_fields=["revoked_at"])
            _log(request, partner, f"Revoked key {key.prefix}…")
    messages.success(request, f"Key {key.prefix}… is revoked. It no longer works.")
    return redirect("admin:partner_keys", partner.pk)


@partners_act
def expire(request: HttpRequest, partner: Partner, key_id: int) -> HttpResponse:
    """Make a key expire in some hours, or earlier if it would have."""
    hours = _hours(request)
    if hours is None:
        return redirect("admin:partner_keys", partner.pk)
    with transaction.atomic():
        key = _locked(partner, key_id)
        _end_in(key, hours)
        _log(request, partner, f"Set key {key.prefix}… to expire in {hours} hours")
    messages.success(request, f"Key {key.prefix}… {_state_in_sentence(key)}.")
    return redirect("admin:partner_keys", partner.pk)


@partners_act
def replace(request: HttpRequest, partner: Partner, key_id: int) -> HttpResponse:
    """Issue a key in place of an old one, which works for some more hours.

    The new key expires when the old one would have, if ever.
    """
    hours = _hours(request)
    if hours is None or not _is_first(request):
        return redirect("admin:partner_keys", partner.pk)
    with transaction.atomic():
        old = _locked(partner, key_id)
        if old.has_ended(timezone.now()):
            messages.error(request, "This key no longer works. Issue a new one.")
            return redirect("admin:partner_keys", partner.pk)
        key, text = ApiKey.objects.issue(
            partner,
            label=old.label,
            expires_at=old.expires_at,  # a replacement works no longer than was agreed
            created_by=request.user,  # type: ignore[arg-type]  # admin_view has checked it
        )
        _end_in(old, hours)
        _log(request, partner, f"Issued key {key.prefix}… to replace key {old.prefix}…")
    messages.success(request, f"The old key {old.prefix}… works for up to {hours} more hours.")
    if key.expires_at is not None:
        words = _state_in_sentence(key)
        messages.info(request, f"The new key {words}, like the old one.")
    return _show(request, partner, shown=text)


def _hours(request: HttpRequest) -> int | None:
    form = ExpireForm(request.POST)
    if form.is_valid():
        hours: int = form.cleaned_data["hours"]
        return hours
    messages.error(
        request, "Nothing was changed. Enter the hours until the key expires, from 1 to 8760."
    )
    return None


def _locked(partner: Partner, key_id: int) -> ApiKey:
    return get_object_or_404(partner.keys.select_for_update(), pk=key_id)


def _end_in(key: ApiKey, hours: int) -> None:
    """Set a key's expiry, which is never postponed."""
    ends = timezone.now() + timedelta(hours=hours)
    key.expires_at = ends if key.expires_at is None else min(key.expires_at, ends)
    key.save(update_fields=["expires_at"])


def _log(request: HttpRequest, partner: Partner, text: str) -> None:
    assert request.user.pk is not None
    LogEntry.objects.log_actions(request.user.pk, [partner], CHANGE, text, single_object=True)
