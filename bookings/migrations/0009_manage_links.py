"""Add the links under which patients manage their visits."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bookings", "0008_group_index")]

    operations = [
        migrations.CreateModel(
            name="ManageLink",
            fields=[
                (
                    "digest",
                    models.CharField(
                        help_text="SHA-256 of the token, in hexadecimal.",
                        max_length=64,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "appointment",
                    models.ForeignKey(
                        help_text="Whose link it is.",
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="manage_links",
                        to="bookings.appointment",
                    ),
                ),
            ],
        ),
    ]
