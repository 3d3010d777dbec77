"""Webhook models: a partner's endpoints, how far each has been told, and what was sent to it."""

from typing import Self

from django.db import models
from django.db.models import F, Q

from practices.ids import PublicIdField, id_constraint
from practices.models import Partner, Practice


class WebhookType(models.TextChoices):
    """The type of a delivery; the first two are what an endpoint subscribes to."""

    BOOKING_CHANGED = "booking.changed", "Openings change"
    APPOINTMENT_CHANGED = "appointment.changed", "Appointments change"
    PING = "webhook.ping", "Test"


SUBSCRIBED = (WebhookType.BOOKING_CHANGED, WebhookType.APPOINTMENT_CHANGED)


class OffReason(models.TextChoices):
    """Why an endpoint is off."""

    PARTNER = "partner", "switched off by hand"
    GONE = "gone", "the receiver answered 410 Gone"
    FAILING = "failing", "no call succeeded for 48 hours"


class Webhook(models.Model):
    """An endpoint: an address of a partner that is told of changes (contract, section 9)."""

    id = PublicIdField(primary_key=True)
    partner = models.ForeignKey(Partner, models.CASCADE, related_name="webhooks")
    url = models.CharField(max_length=500)
    types = models.JSONField(help_text="Values of SUBSCRIBED.")
    practices = models.ManyToManyField(
        Practice, blank=True, related_name="+", help_text="Empty: every practice that is granted."
    )
    active = models.BooleanField(default=True)
    off_reason = models.CharField(max_length=7, choices=OffReason, blank=True, default="")
    # The old secret signs beside the new one for a while.
    secret = models.TextField(help_text="Sealed.")
    old_secret = models.TextField(blank=True, default="", help_text="Sealed.")
    old_secret_until = models.DateTimeField(null=True, help_text="UTC.")
    sealed_by = models.CharField(max_length=8, help_text="The name of the key that sealed both.")
    # Since the last success; replays and pings do not count.
    failing_since = models.DateTimeField(null=True, help_text="UTC.")
    failures = models.PositiveIntegerField(default=0)
    warned_at = models.DateTimeField(null=True, help_text="UTC; when its partner got mail of it.")
    created_at = models.DateTimeField(help_text="UTC.")

    class Meta:
        ordering = ["created_at", "id"]
        constraints = [
            id_constraint("webhook_id_form"),
            models.CheckConstraint(
                name="webhook_off_has_reason",
                condition=Q(active=True, off_reason="")
                | Q(active=False, off_reason__in=OffReason.values),
            ),
            models.CheckConstraint(
                name="webhook_failing_since_first_failure",
                condition=Q(failures=0, failing_since__isnull=True)
                | Q(failures__gt=0, failing_since__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.url


class WebhookPosition(models.Model):
    """How far in a practice's feed an endpoint has deliveries: to the event of this number."""

    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="positions")
    practice = models.ForeignKey(Practice, models.CASCADE, related_name="+")
    number = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="webhook_position_of_practice", fields=["webhook", "practice"]
            )
        ]

    def __str__(self) -> str:
        return f"{self.webhook_id} {self.practice_id}: {self.number}"


class DeliveryStatus(models.TextChoices):
    PENDING = "pending", "Waiting"
    DELIVERED = "delivered", "Delivered"
    FAILED = "failed", "Failed"


class WebhookDeliveryQuerySet(models.QuerySet["WebhookDelivery"]):
    def pending(self) -> Self:
        """Filter to what waits for a call; in the terms of its index, which has no status."""
        return self.filter(status=DeliveryStatus.PENDING, next_attempt_at__isnull=False)

    def give_up(self) -> None:
        """Have no call made of what waits for one."""
        self.pending().update(status=DeliveryStatus.FAILED, next_attempt_at=None)


class WebhookDelivery(models.Model):
    """One event for one endpoint: what is sent, when it is tried next, and how each call ended."""

    id = PublicIdField(primary_key=True)
    webhook = models.ForeignKey(Webhook, models.CASCADE, related_name="deliveries", db_index=False)
    type = models.CharField(max_length=19, choices=WebhookType)
    practice = models.ForeignKey(
        Practice, models.CASCADE, null=True, related_name="+", db_index=False
    )
    sequence = models.BigIntegerField(null=True, help_text="The event's number; none of a test.")
    body = models.TextField(help_text="JSON, the bytes that are signed.")
    status = models.CharField(max_length=9, choices=DeliveryStatus, default=DeliveryStatus.PENDING)
    attempts = models.PositiveSmallIntegerField(default=0, help_text="Without replays.")
    next_attempt_at = models.DateTimeField(
        null=True, help_text="UTC; empty: it is not tried again."
    )
    is_replay = models.BooleanField(
        default=False, help_text="The next attempt is asked for, and does not count."
    )
    has_arrived = models.BooleanField(
        default=False, help_text="A call was answered, or sent to its end."
    )
    calls = models.JSONField(
        default=list, help_text="The last ones: at, status, duration_ms, answer, error."
    )
    created_at = models.DateTimeField(help_text="UTC.")

    objects = WebhookDeliveryQuerySet.as_manager()

    class Meta:
        verbose_name = "webhook delivery"
        verbose_name_plural = "webhook deliveries"
        constraints = [
            id_constraint("webhook_delivery_id_form"),
            models.UniqueConstraint(
                name="webhook_delivery_once", fields=["webhook", "practice", "sequence"]
            ),
            models.CheckConstraint(
                name="webhook_delivery_pending_is_tried",
                condition=~Q(status=DeliveryStatus.PENDING) | Q(next_attempt_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                "webhook",
                "next_attempt_at",
                name="webhook_delivery_due",
                condition=Q(next_attempt_at__isnull=False),
            ),
            models.Index("webhook", F("created_at").desc(), "id", name="webhook_delivery_log"),
            models.Index("created_at", name="webhook_delivery_age"),
        ]

    def __str__(self) -> str:
        return f"{self.id}: {self.type}"
