"""Add the queue that manage.py worker works off."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0010_patient_holds"),
    ]

    operations = [
        migrations.CreateModel(
            name="Task",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "queue_name",
                    models.CharField(
                        choices=[
                            ("code", "Codes by mail"),
                            ("mail", "Mail"),
                            ("reminder", "Reminders"),
                            ("periodic", "Periodic work"),
                        ],
                        max_length=8,
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
                    "key",
                    models.CharField(
                        help_text="Of what must not be there twice.",
                        max_length=100,
                        null=True,
                        unique=True,
                    ),
                ),
                (
                    "with_words",
                    models.BooleanField(
                        default=False,
                        help_text="Whether the mail has the office's words (Patient.words).",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("ready", "Waiting"),
                            ("successful", "Done"),
                            ("failed", "Failed"),
                        ],
                        default="ready",
                        max_length=10,
                    ),
                ),
                ("run_after", models.DateTimeField(help_text="UTC; not before then.")),
                ("attempts", models.PositiveSmallIntegerField(default=0)),
                (
                    "lease",
                    models.PositiveIntegerField(default=0, help_text="Raised by each claim."),
                ),
                (
                    "lease_until",
                    models.DateTimeField(help_text="UTC, by the database's clock.", null=True),
                ),
                (
                    "error",
                    models.CharField(
                        blank=True, help_text="The last error's class.", max_length=100
                    ),
                ),
                ("enqueued_at", models.DateTimeField(help_text="UTC.")),
                ("finished_at", models.DateTimeField(help_text="UTC.", null=True)),
                (
                    "appointment",
                    models.ForeignKey(
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="tasks",
                        to="bookings.appointment",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("queue_name"),
                        models.F("run_after"),
                        condition=models.Q(("finished_at__isnull", True)),
                        name="task_due",
                    ),
                    models.Index(
                        models.F("appointment"),
                        condition=models.Q(("appointment__isnull", False)),
                        name="task_of_appointment",
                    ),
                    models.Index(
                        models.F("finished_at"),
                        condition=models.Q(("finished_at__isnull", False)),
                        name="task_finished",
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("finished_at__isnull", True), ("status", "ready")),
                            models.Q(
                                ("finished_at__isnull", False),
                                ("lease_until__isnull", True),
                                ("status__in", ["successful", "failed"]),
                            ),
                            _connector="OR",
                        ),
                        name="task_finished_or_ready",
                    )
                ],
            },
        ),
    ]
