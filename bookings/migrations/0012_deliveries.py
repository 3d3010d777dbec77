"""Add what became of mail about visits."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0011_tasks"),
    ]

    operations = [
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("booked", "Booked"),
                            ("reserved", "Reserved"),
                            ("time_given", "Exact time"),
                            ("moved", "Moved"),
                            ("cancelled", "Cancelled"),
                            ("reminder_3_days", "Reminder, 3 days before"),
                            ("reminder_1_day", "Reminder, 1 day before"),
                            ("code", "Code"),
                            ("remind", "Look for visits to remind of"),
                            ("prune", "Delete old tasks"),
                        ],
                        max_length=15,
                    ),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("sent", "Sent"),
                            ("written", "Only written to a file"),
                            ("refused", "Address refused"),
                            ("failed", "Failed"),
                            ("dropped", "Not sent"),
                        ],
                        max_length=7,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("overtaken", "the visit has changed since"),
                            ("too_late", "it would have come too late"),
                            ("no_address", "there is no e-mail address any more"),
                            ("unsubscribed", "the family wants no reminders"),
                            ("turned_off", "the practice has turned it off"),
                            ("by_operator", "the operator took it out"),
                        ],
                        max_length=12,
                    ),
                ),
                ("at", models.DateTimeField(help_text="UTC.")),
                (
                    "appointment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="bookings.appointment",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("outcome__in", ["sent", "written", "refused", "failed", "dropped"])
                        ),
                        name="delivery_outcome_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("outcome", "dropped"),
                                (
                                    "reason__in",
                                    [
                                        "overtaken",
                                        "too_late",
                                        "no_address",
                                        "unsubscribed",
                                        "turned_off",
                                        "by_operator",
                                    ],
                                ),
                            ),
                            models.Q(
                                models.Q(("outcome", "dropped"), _negated=True), ("reason", "")
                            ),
                            _connector="OR",
                        ),
                        name="delivery_reason_of_dropped",
                    ),
                ],
            },
        ),
    ]
