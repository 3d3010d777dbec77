"""Add the digests that an appointment is found by (bookings/patients/search.py)."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bookings", "0004_attendance_validated")]

    operations = [
        migrations.CreateModel(
            name="SearchTerm",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("digest", models.BigIntegerField()),
                (
                    "appointment",
                    models.ForeignKey(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="search_terms",
                        to="bookings.appointment",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("digest"), models.F("appointment"), name="search_term_found"
                    )
                ]
            },
        ),
    ]
