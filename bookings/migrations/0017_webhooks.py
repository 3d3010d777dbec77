"""Add partners' webhooks, how far each has been told, and what was sent."""

import django.core.validators
import django.db.models.deletion
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import practices.ids


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0016_external_status"),
        ("practices", "0006_own_system"),
    ]

    operations = [
        migrations.CreateModel(
            name="Webhook",
            fields=[
                (
                    "id",
                    practices.ids.PublicIdField(
                        default=practices.ids.new_id,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Za-z0-9][A-Za-z0-9_-]{0,31}\\Z",
                                "An id is 1 to 32 letters, digits, hyphens and underscores, the first a letter or a digit.",
                            )
                        ],
                    ),
                ),
                ("url", models.CharField(max_length=500)),
                ("types", models.JSONField(help_text="Values of SUBSCRIBED.")),
                ("active", models.BooleanField(default=True)),
                (
                    "off_reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("partner", "switched off by hand"),
                            ("gone", "the receiver answered 410 Gone"),
                            ("failing", "no call succeeded for 48 hours"),
                        ],
                        default="",
                        max_length=7,
                    ),
                ),
                ("secret", models.TextField(help_text="Sealed.")),
                ("old_secret", models.TextField(blank=True, default="", help_text="Sealed.")),
                ("old_secret_until", models.DateTimeField(help_text="UTC.", null=True)),
                (
                    "sealed_by",
                    models.CharField(
                        help_text="The name of the key that sealed both.", max_length=8
                    ),
                ),
                ("failing_since", models.DateTimeField(help_text="UTC.", null=True)),
                ("failures", models.PositiveIntegerField(default=0)),
                (
                    "warned_at",
                    models.DateTimeField(
                        help_text="UTC; when its partner got mail of it.", null=True
                    ),
                ),
                ("created_at", models.DateTimeField(help_text="UTC.")),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="webhooks",
                        to="practices.partner",
                    ),
                ),
                (
                    "practices",
                    models.ManyToManyField(
                        blank=True,
                        help_text="Empty: every practice that is granted.",
                        related_name="+",
                        to="practices.practice",
                    ),
                ),
            ],
            options={
                "ordering": ["created_at", "id"],
            },
        ),
        migrations.CreateModel(
            name="WebhookDelivery",
            fields=[
                (
                    "id",
                    practices.ids.PublicIdField(
                        default=practices.ids.new_id,
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                        validators=[
                            django.core.validators.RegexValidator(
                                "\\A[A-Za-z0-9][A-Za-z0-9_-]{0,31}\\Z",
                                "An id is 1 to 32 letters, digits, hyphens and underscores, the first a letter or a digit.",
                            )
                        ],
                    ),
                ),
                (
                    "type",
                    models.CharField(
                        choices=[
                            ("booking.changed", "Openings change"),
                            ("appointment.changed", "Appointments change"),
                            ("webhook.ping", "Test"),
                        ],
                        max_length=19,
                    ),
                ),
                (
                    "sequence",
                    models.BigIntegerField(
                        help_text="The event's number; none of a test.", null=True
                    ),
                ),
                ("body", models.TextField(help_text="JSON, the bytes that are signed.")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("pending", "Waiting"),
                            ("delivered", "Delivered"),
                            ("failed", "Failed"),
                        ],
                        default="pending",
                        max_length=9,
                    ),
                ),
                (
                    "attempts",
                    models.PositiveSmallIntegerField(default=0, help_text="Without replays."),
                ),
                (
                    "next_attempt_at",
                    models.DateTimeField(help_text="UTC; empty: it is not tried again.", null=True),
                ),
                (
                    "is_replay",
                    models.BooleanField(
                        default=False,
                        help_text="The next attempt is asked for, and does not count.",
                    ),
                ),
                (
                    "has_arrived",
                    models.BooleanField(
                        default=False,
                        help_text="A call was answered, or sent to its end.",
                    ),
                ),
                (
                    "calls",
                    models.JSONField(
                        default=list,
                        help_text="The last ones: at, status, duration_ms, answer, error.",
                    ),
                ),
                ("created_at", models.DateTimeField(help_text="UTC.")),
                (
                    "practice",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="practices.practice",
                    ),
                ),
                (
                    "webhook",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="deliveries",
                        to="bookings.webhook",
                    ),
                ),
            ],
            options={
                "verbose_name": "webhook delivery",
                "verbose_name_plural": "webhook deliveries",
            },
        ),
        migrations.CreateModel(
            name="WebhookPosition",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.BigIntegerField()),
                (
                    "practice",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="practices.practice",
                    ),
                ),
                (
                    "webhook",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="positions",
                        to="bookings.webhook",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="webhook",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.Exact(
                        practices.ids._TrimAll(
                            models.F("id"),
                            models.Value(
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
                            ),
                        ),
                        models.Value(""),
                    ),
                    django.db.models.lookups.GreaterThan(
                        django.db.models.functions.text.Length(
                            practices.ids._TrimAll(
                                django.db.models.functions.text.Substr(models.F("id"), 1, 1),
                                models.Value("_-"),
                            )
                        ),
                        models.Value(0),
                    ),
                    django.db.models.lookups.LessThanOrEqual(
                        django.db.models.functions.text.Length(models.F("id")), models.Value(32)
                    ),
                ),
                name="webhook_id_form",
                violation_error_message="An id is 1 to 32 letters, digits, hyphens and underscores, the first a letter or a digit.",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhook",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("active", True), ("off_reason", "")),
                    models.Q(("active", False), ("off_reason__in", ["partner", "gone", "failing"])),
                    _connector="OR",
                ),
                name="webhook_off_has_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhook",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("failing_since__isnull", True), ("failures", 0)),
                    models.Q(("failing_since__isnull", False), ("failures__gt", 0)),
                    _connector="OR",
                ),
                name="webhook_failing_since_first_failure",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                models.F("webhook"),
                models.F("next_attempt_at"),
                condition=models.Q(("next_attempt_at__isnull", False)),
                name="webhook_delivery_due",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(
                models.F("webhook"),
                models.OrderBy(models.F("created_at"), descending=True),
                models.F("id"),
                name="webhook_delivery_log",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookdelivery",
            index=models.Index(models.F("created_at"), name="webhook_delivery_age"),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    django.db.models.lookups.Exact(
                        practices.ids._TrimAll(
                            models.F("id"),
                            models.Value(
                                "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"
                            ),
                        ),
                        models.Value(""),
                    ),
                    django.db.models.lookups.GreaterThan(
                        django.db.models.functions.text.Length(
                            practices.ids._TrimAll(
                                django.db.models.functions.text.Substr(models.F("id"), 1, 1),
                                models.Value("_-"),
                            )
                        ),
                        models.Value(0),
                    ),
                    django.db.models.lookups.LessThanOrEqual(
                        django.db.models.functions.text.Length(models.F("id")), models.Value(32)
                    ),
                ),
                name="webhook_delivery_id_form",
                violation_error_message="An id is 1 to 32 letters, digits, hyphens and underscores, the first a letter or a digit.",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.UniqueConstraint(
                fields=("webhook", "practice", "sequence"), name="webhook_delivery_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookdelivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("status", "pending"), _negated=True),
                    ("next_attempt_at__isnull", False),
                    _connector="OR",
                ),
                name="webhook_delivery_pending_is_tried",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhookposition",
            constraint=models.UniqueConstraint(
                fields=("webhook", "practice"), name="webhook_position_of_practice"
            ),
        ),
    ]
