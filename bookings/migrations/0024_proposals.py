"""Add proposals of exact times, and the mail that tells of one."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0023_access_to_waitlist"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name="delivery",
            name="kind",
            field=models.CharField(
                choices=[
                    ("booked", "Booked"),
                    ("reserved", "Place reserved"),
                    ("time_given", "Exact time set"),
                    ("moved", "Moved"),
                    ("cancelled", "Cancelled"),
                    ("proposal", "Times proposed"),
                    ("reminder_3_days", "Reminder, 3 days before"),
                    ("reminder_1_day", "Reminder, 1 day before"),
                    ("waiting", "On the waiting list"),
                    ("offer", "Place offered"),
                    ("code", "Code"),
                    ("remind", "Find visits to remind of"),
                    ("prune", "Delete old tasks"),
                    ("webhook", "Deliver webhooks"),
                    ("webhook_failing", "Webhook fails"),
                    ("webhook_off", "Webhook switched off"),
                    ("make_offers", "Offer free places to the waiting list"),
                    ("watch_webhooks", "Find webhooks that fail"),
                ],
                max_length=15,
            ),
        ),
        migrations.AlterField(
            model_name="task",
            name="kind",
            field=models.CharField(
                choices=[
                    ("booked", "Booked"),
                    ("reserved", "Place reserved"),
                    ("time_given", "Exact time set"),
                    ("moved", "Moved"),
                    ("cancelled", "Cancelled"),
                    ("proposal", "Times proposed"),
                    ("reminder_3_days", "Reminder, 3 days before"),
                    ("reminder_1_day", "Reminder, 1 day before"),
                    ("waiting", "On the waiting list"),
                    ("offer", "Place offered"),
                    ("code", "Code"),
                    ("remind", "Find visits to remind of"),
                    ("prune", "Delete old tasks"),
                    ("webhook", "Deliver webhooks"),
                    ("webhook_failing", "Webhook fails"),
                    ("webhook_off", "Webhook switched off"),
                    ("make_offers", "Offer free places to the waiting list"),
                    ("watch_webhooks", "Find webhooks that fail"),
                ],
                max_length=15,
            ),
        ),
        migrations.CreateModel(
            name="Proposal",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("made_at", models.DateTimeField(help_text="UTC.")),
                ("until", models.DateTimeField(help_text="UTC; until then the times are held.")),
                (
                    "answered_at",
                    models.DateTimeField(help_text="UTC; when it got its outcome.", null=True),
                ),
                (
                    "outcome",
                    models.CharField(
                        choices=[
                            ("taken", "Took a time"),
                            ("others", "Asked for other times"),
                            ("gave_up", "Gave up the request"),
                            ("unanswered", "Did not answer"),
                            ("withdrawn", "Withdrawn"),
                        ],
                        max_length=10,
                        null=True,
                    ),
                ),
                (
                    "appointment",
                    models.ForeignKey(
                        help_text="The request.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="proposals",
                        to="bookings.appointment",
                    ),
                ),
                (
                    "booking",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Where the request was; moved elsewhere, it is another one.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="bookings.booking",
                    ),
                ),
                (
                    "answered_by",
                    models.ForeignKey(
                        db_index=False,
                        help_text="Who of the staff withdrew it.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "made_by",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answered_at__isnull", True), ("outcome__isnull", True)),
                            models.Q(
                                ("answered_at__isnull", False),
                                (
                                    "outcome__in",
                                    ["taken", "others", "gave_up", "unanswered", "withdrawn"],
                                ),
                                ("outcome__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="proposal_outcome_known",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("until__gt", models.F("made_at"))),
                        name="proposal_ends_later",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("answered_at__isnull", True)),
                        fields=("appointment",),
                        name="proposal_one_at_a_time",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProposedTime",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("start_datetime", models.DateTimeField(help_text="UTC.")),
                (
                    "booking",
                    models.ForeignKey(
                        db_index=False,
                        help_text="The opening it is in.",
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="bookings.booking",
                    ),
                ),
                (
                    "held",
                    models.ForeignKey(
                        db_index=False,
                        help_text="The place held in that opening; empty where it is the request's own.",
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="bookings.appointment",
                    ),
                ),
                (
                    "proposal",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="times",
                        to="bookings.proposal",
                    ),
                ),
            ],
            options={
                "ordering": ["start_datetime"],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("proposal", "start_datetime"), name="proposed_time_once"
                    ),
                ],
                "indexes": [
                    models.Index(models.F("start_datetime"), name="proposed_time_start"),
                ],
            },
        ),
    ]
