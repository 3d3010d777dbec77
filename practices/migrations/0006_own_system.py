"""Add which partner is a practice's own system."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("practices", "0005_contact_email"),
    ]

    operations = [
        migrations.CreateModel(
            name="OwnSystem",
            fields=[
                (
                    "practice",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="own_system",
                        serialize=False,
                        to="practices.practice",
                    ),
                ),
                (
                    "partner",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="systems",
                        to="practices.partner",
                    ),
                ),
            ],
        ),
    ]
