"""Add the waiting-list entry of a task, and the kinds of task about the waiting list.

Null without a default and without an index, so nobody waits.
"""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0021_waitlist"),
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
        migrations.AddField(
            model_name="task",
            name="entry",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="tasks",
                to="bookings.waitlistentry",
            ),
        ),
    ]
