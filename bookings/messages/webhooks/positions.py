"""Positions: how far in each practice's feed an endpoint has been told."""

from collections.abc import Collection

from django.db.models import Exists, OuterRef, QuerySet

from bookings.models import Feed, Webhook, WebhookPosition
from practices.models import Partner, Practice


def granted(partner: Partner) -> QuerySet[Practice]:
    """Return the practices that a partner may be told of."""
    found = Practice.objects.filter(active=True) if partner.active else Practice.objects.none()
    return found if partner.all_practices else found.filter(partners=partner)


def practices_of(webhook: Webhook) -> QuerySet[Practice]:
    """Return the practices it may be told of: granted, and among those it names if it does."""
    found = granted(webhook.partner)
    named = webhook.practices.values("pk")
    return found.filter(pk__in=named) if named.exists() else found


def begin(webhook: Webhook) -> None:
    """Begin with what comes from now on in practices that it has no position in; forget others.

    Called when an endpoint is made, edited or switched on, and every minute for changed grants.
    """
    ours = set(practices_of(webhook).values_list("pk", flat=True))
    known = set(webhook.positions.values_list("practice_id", flat=True))
    if known - ours:
        forget(webhook, known - ours)
    if not ours - known:
        return
    newest = dict(Feed.objects.filter(practice__in=ours - known).values_list("practice", "newest"))
    WebhookPosition.objects.bulk_create(
        (
            WebhookPosition(webhook=webhook, practice_id=each, number=newest.get(each, 0))
            for each in ours - known
        ),
        ignore_conflicts=True,
    )


def forget(webhook: Webhook, practice_ids: Collection[str]) -> None:
    """Forget practices that it may no longer be told of, and give up what waits of them."""
    webhook.positions.filter(practice__in=practice_ids).delete()
    webhook.deliveries.filter(practice__in=practice_ids).give_up()


def behind() -> QuerySet[WebhookPosition]:
    """Return the positions of endpoints that are on which are not at the newest event."""
    newer = Feed.objects.filter(practice=OuterRef("practice"), newest__gt=OuterRef("number"))
    return WebhookPosition.objects.filter(Exists(newer), webhook__active=True)
