"""Add which families want no reminders."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0012_deliveries"),
    ]

    operations = [
        migrations.CreateModel(
            name="ReminderOptOut",
            fields=[
                (
                    "appointment",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="reminder_opt_out",
                        serialize=False,
                        to="bookings.appointment",
                    ),
                ),
                ("at", models.DateTimeField(help_text="UTC.")),
            ],
        ),
    ]
