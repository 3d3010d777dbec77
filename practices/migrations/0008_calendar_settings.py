"""Add what practices say of calendar links."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("practices", "0007_public_feed"),
    ]

    operations = [
        migrations.CreateModel(
            name="CalendarSettings",
            fields=[
                (
                    "practice",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="calendar_settings",
                        serialize=False,
                        to="practices.practice",
                    ),
                ),
                (
                    "names",
                    models.BooleanField(
                        default=False,
                        help_text="Whoever keeps the calendar, such as Google or Microsoft, then has them too.",
                        verbose_name="Patients’ names in calendar links",
                    ),
                ),
            ],
        ),
    ]
