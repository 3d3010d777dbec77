"""Models of partners, with their grants and API keys."""

from datetime import datetime
from typing import Self

from django.conf import settings
from django.contrib.auth.models import AbstractBaseUser
from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from practices import keys
from practices.ids import PublicIdField, id_constraint, text_constraint
from practices.models.practice import Practice


class Partner(models.Model):
    """An organisation that calls the API. It owns its keys and the bookings made with them."""

    id = PublicIdField(primary_key=True)
    name = models.CharField(max_length=200, unique=True)
    active = models.BooleanField(default=True, help_text="Off: none of its keys work.")
    contact_email = models.EmailField(
        "contact’s e-mail address",
        blank=True,
        default="",
        db_default="",
        help_text="Who is told when the partner’s webhooks cannot be delivered.",
    )
    special_authorization = models.BooleanField(
        default=False,
        help_text="May list all practices, and publish, edit and close openings "
        "in the practices it is granted.",
    )
    all_practices = models.BooleanField(
        default=False, help_text="Granted every practice, including those added later."
    )
    practices = models.ManyToManyField(
        Practice,
        related_name="partners",
        blank=True,
        help_text="Where it may publish openings and book patients; reading needs no grant.",
    )

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            id_constraint("partner_id_form"),
            text_constraint("partner_name_length", "name", least=1, most=200),
        ]

    def __str__(self) -> str:
        return self.name


class OwnSystemQuerySet(models.QuerySet["OwnSystem"]):
    def in_effect(self) -> Self:
        """Of a partner that is switched on, and granted the practice."""
        grants = Partner.practices.through.objects.filter(
            partner=OuterRef("partner"), practice=OuterRef("practice")
        )
        return self.filter(
            Q(partner__all_practices=True) | Exists(grants), partner__active=True
        ).select_related("partner")


class OwnSystem(models.Model):
    """Marks a partner's grant of a practice: it is the software that the office works with.

    One a practice, as an appointment has one external_id. Without the grant it means nothing.
    """

    practice = models.OneToOneField(
        Practice, models.CASCADE, primary_key=True, related_name="own_system"
    )
    partner = models.ForeignKey(Partner, models.CASCADE, related_name="systems")

    objects = OwnSystemQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.partner_id} of {self.practice_id}"


class ApiKeyManager(models.Manager["ApiKey"]):
    """Issues keys."""

    def issue(
        self,
        partner: Partner,
        *,
        label: str = "",
        expires_at: datetime | None = None,
        created_by: AbstractBaseUser | None = None,
    ) -> tuple["ApiKey", str]:
        """Create a key and return its row and its text, which is not stored."""
        text = keys.new_key()
        row = self.create(
            partner=partner,
            label=label,
            prefix=text[: keys.PREFIX_SHOWN],
            digest=keys.digest(text),
            expires_at=expires_at,
            created_by_id=None if created_by is None else created_by.pk,
        )
        return row, text


class ApiKey(models.Model):
    """A secret that authenticates a partner; only its SHA-256 is stored."""

    partner = models.ForeignKey(Partner, models.CASCADE, related_name="keys")
    label = models.CharField(max_length=100, blank=True, help_text="Where it is used.")
    prefix = models.CharField(max_length=12, editable=False, help_text="The key's beginning.")
    digest = models.CharField(max_length=64, unique=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.SET_NULL,
        null=True,
        blank=True,
        editable=False,
        related_name="+",
        help_text="The operator; empty if it was issued on the command line.",
    )
    expires_at = models.DateTimeField(null=True, blank=True, help_text="If empty, never.")
    revoked_at = models.DateTimeField(null=True, blank=True, help_text="When it stopped working.")
    last_used_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="To the minute."
    )

    objects = ApiKeyManager()

    class Meta:
        verbose_name = "API key"
        ordering = ["partner", "-created_at"]
        constraints = [
            text_constraint("api_key_label_length", "label", most=100),
            text_constraint("api_key_prefix_length", "prefix", least=keys.PREFIX_SHOWN, most=12),
            text_constraint("api_key_digest_length", "digest", least=64, most=64),
            models.CheckConstraint(
                name="api_key_expires_later",
                condition=Q(expires_at__isnull=True) | Q(expires_at__gt=F("created_at")),
                violation_error_message="Enter a time after the key was issued.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.prefix}… of {self.partner}"

    def has_ended(self, now: datetime) -> bool:
        """Whether it is revoked or expired; its partner may be switched off besides."""
        return any(at is not None and at <= now for at in (self.revoked_at, self.expires_at))
