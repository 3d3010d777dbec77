"""Verbs of endpoints, for the API and the admin: make, edit, rotate, test, replay, switch off."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet

from bookings import walltime
from bookings.messages.webhooks import positions, signing
from bookings.models import (
    SUBSCRIBED,
    OffReason,
    Queue,
    Task,
    TaskKind,
    Webhook,
    WebhookDelivery,
    WebhookType,
)
from openchair import encryption
from openchair.errors import Refused
from openchair.json_text import encode
from practices.models import Partner, Practice

UTC = ZoneInfo("UTC")
MOST = 20
"""Endpoints of a partner."""
BOTH_SECRETS = timedelta(hours=24)
"""How long the old secret signs beside the new one."""
Check = Callable[[Webhook], None]
"""Run under the lock: raises where the endpoint is not what whoever asks has seen."""


def iso(instant: datetime) -> str:
    """Format in UTC: an endpoint may be of practices in several time zones."""
    return walltime.iso(instant, UTC)


@transaction.atomic
def create(
    partner: Partner, *, url: str, types: Collection[str], practice_ids: Collection[str]
) -> tuple[Webhook, str]:
    """Make an endpoint; return it with its secret, which is not shown again. Raises Refused.

    practice_ids: all granted; empty for every practice that is, now or later.
    """
    # Of two at once, the second counts both.
    Partner.objects.select_for_update(no_key=True).get(pk=partner.pk)
    if partner.webhooks.count() >= MOST:
        text = f"A partner has at most {MOST} webhooks: edit one, or delete one first."
        raise Refused("too_many_webhooks", text)
    secret, now = signing.new_secret(), walltime.now()
    webhook = Webhook.objects.create(
        partner=partner,
        url=url,
        types=sorted({*types}),
        secret=encryption.seal(secret),
        sealed_by=encryption.key_names()[0],
        created_at=now,
    )
    webhook.practices.set(Practice.objects.filter(pk__in=practice_ids))
    positions.begin(webhook)
    Task.objects.create(
        queue_name=Queue.WEBHOOK,
        kind=TaskKind.WEBHOOK,
        key=_key(webhook),
        webhook=webhook,
        run_after=now,
        enqueued_at=now,
    )
    return webhook, secret


def lock(webhook_id: str) -> Webhook:
    """Return an endpoint whose row nobody else changes before the transaction ends."""
    return locked(Webhook.objects.select_related("partner")).get(pk=webhook_id)


def locked(rows: QuerySet[Webhook]) -> QuerySet[Webhook]:
    """Lock endpoints as they are read.

    No key: else whoever makes deliveries, which refer to the row, waits for it with a position
    locked, and who has it locked waits for that position.
    """
    return rows.select_for_update(of=("self",), no_key=True)


@transaction.atomic
def edit(webhook_id: str, *, check: Check | None = None, **fields: Any) -> Webhook:
    """Change what is sent of url, types, practice_ids and active.

    Switched on, it is told of what comes from now on. What another receiver answered, or did not,
    is not counted any more. Raises what `check` raises, and Webhook.DoesNotExist.
    """
    webhook = lock(webhook_id)
    if check is not None:
        check(webhook)
    if "practice_ids" in fields:
        named = Practice.objects.filter(pk__in=fields.pop("practice_ids"))
        webhook.practices.set(named)
    if "types" in fields:
        fields["types"] = sorted({*fields["types"]})
    active = fields.pop("active", webhook.active)
    is_another = fields.get("url", webhook.url) != webhook.url
    for name, value in fields.items():
        setattr(webhook, name, value)
    webhook.save(update_fields=[*fields])
    if active and not webhook.active:
        _switch_on(webhook)
    elif webhook.active and not active:
        _switch_off(webhook, OffReason.PARTNER)
    elif active and is_another:
        _try_anew(webhook)
    if webhook.active:
        positions.begin(webhook)
    return webhook


@transaction.atomic
def delete(webhook_id: str, *, check: Check | None = None) -> None:
    """Delete an endpoint with the log of its deliveries; raises as `edit` does."""
    webhook = lock(webhook_id)
    if check is not None:
        check(webhook)
    webhook.positions.all().delete()  # first: whoever makes deliveries makes no more
    webhook.delete()


def _switch_on(webhook: Webhook) -> None:
    webhook.active, webhook.off_reason = True, ""
    webhook.save(update_fields=["active", "off_reason"])
    webhook.positions.all().delete()  # `begin` may have come while it was switched off
    _try_anew(webhook)


def _try_anew(webhook: Webhook) -> None:
    """Count no failure so far, and do not wait for as long as a receiver has asked."""
    webhook.failures, webhook.failing_since, webhook.warned_at = 0, None, None
    webhook.save(update_fields=["failures", "failing_since", "warned_at"])
    Task.objects.filter(key=_key(webhook)).update(run_after=walltime.now())


def _key(webhook: Webhook) -> str:
    return f"webhook:{webhook.pk}"


@transaction.atomic
def switch_off(seen: Webhook, reason: OffReason) -> bool:
    """Switch an endpoint off, and give up what waits for it.

    Return False where it is off, has another receiver by now, or has had a success since it was
    seen failing.
    """
    webhook = locked(Webhook.objects.filter(pk=seen.pk, url=seen.url, active=True)).first()
    if webhook is None:
        return False
    if reason == OffReason.FAILING and webhook.failing_since != seen.failing_since:
        return False
    _switch_off(webhook, reason)
    return True


def _switch_off(webhook: Webhook, reason: OffReason) -> None:
    webhook.active, webhook.off_reason = False, reason
    webhook.save(update_fields=["active", "off_reason"])
    webhook.positions.all().delete()
    webhook.deliveries.give_up()


# Secrets ---------------------------------------------------------------------------------------


def secrets_of(webhook: Webhook, now: datetime) -> list[str]:
    """Return the secrets that sign now, the newest first. Raises encryption.UnreadableError."""
    found = [webhook.secret]
    if webhook.old_secret_until is not None and webhook.old_secret_until > now:
        found.append(webhook.old_secret)
    return [encryption.unseal(each) for each in found]


@transaction.atomic
def rotate(webhook_id: str, *, force: bool = False) -> tuple[Webhook, str]:
    """Give an endpoint a new secret, and return it; the old one signs too for BOTH_SECRETS.

    Raises Refused while an earlier one still does, as it would end at once, unless forced.
    """
    webhook, now = lock(webhook_id), walltime.now()
    secret, until = signing.new_secret(), webhook.old_secret_until
    if until is not None and until > now and not force:
        text = (
            f"It was rotated already; the old secret signs until {until:%Y-%m-%dT%H:%MZ}. Wait, or "
            "send DELETE to end it, or send force."
        )
        raise Refused("still_rotating", text)
    webhook.old_secret = encryption.seal(encryption.unseal(webhook.secret))
    webhook.old_secret_until = now + BOTH_SECRETS
    webhook.secret, webhook.sealed_by = encryption.seal(secret), encryption.key_names()[0]
    webhook.save()
    return webhook, secret


@transaction.atomic
def end_rotation(webhook_id: str) -> Webhook:
    """Sign with the newest secret alone."""
    webhook = lock(webhook_id)
    webhook.old_secret, webhook.old_secret_until = "", None
    webhook.save(update_fields=["old_secret", "old_secret_until"])
    return webhook


def seal_anew() -> int:
    """Encrypt with the first key the secrets that another one encrypted; return how many."""
    first = encryption.key_names()[0]
    stale = list(Webhook.objects.exclude(sealed_by=first).values_list("pk", flat=True))
    for each in stale:
        with transaction.atomic():
            webhook = lock(each)
            webhook.secret = encryption.seal(encryption.unseal(webhook.secret))
            if webhook.old_secret:
                webhook.old_secret = encryption.seal(encryption.unseal(webhook.old_secret))
            webhook.sealed_by = first
            webhook.save(update_fields=["secret", "old_secret", "sealed_by"])
    return len(stale)


# Tests and replays -----------------------------------------------------------------------------


def ping(webhook: Webhook) -> WebhookDelivery:
    """Have a test sent, once, also to an endpoint that is off."""
    now = walltime.now()
    body = {
        "type": WebhookType.PING,
        "timestamp": iso(now),
        "data": {"webhook_id": webhook.pk},
    }
    return WebhookDelivery.objects.create(
        webhook=webhook,
        type=WebhookType.PING,
        body=encode(body),
        next_attempt_at=now,
        is_replay=True,
        created_at=now,
    )


def replay(delivery: WebhookDelivery) -> None:
    """Have a delivery sent once more, now, also to an endpoint that is off."""
    _replay(WebhookDelivery.objects.filter(pk=delivery.pk))
    delivery.refresh_from_db()


def replay_since(webhook: Webhook, since: datetime) -> int:
    """Have everything sent once more that an endpoint was told since; return how much there is.

    Tests are left out, and what was told of practices that are no longer granted.
    """
    return _replay(
        webhook.deliveries.filter(
            type__in=SUBSCRIBED,
            practice__in=positions.practices_of(webhook),
            created_at__gte=since,
        )
    )


def _replay(deliveries: QuerySet[WebhookDelivery]) -> int:
    return deliveries.update(next_attempt_at=walltime.now(), is_replay=True)
