"""Add what counts the places that unconfirmed patients hold."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bookings", "0009_manage_links"), ("practices", "0002_booking_page")]

    operations = [
        migrations.CreateModel(
            name="PatientHold",
            fields=[
                (
                    "group_id",
                    models.CharField(
                        help_text="Of its appointments.",
                        max_length=32,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "practice",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="+",
                        to="practices.practice",
                    ),
                ),
                (
                    "page",
                    models.CharField(
                        help_text="Digest of the browser page's random id.", max_length=32
                    ),
                ),
                (
                    "address",
                    models.CharField(
                        help_text="Digest of the client's address; of IPv6, of its /64.",
                        max_length=32,
                    ),
                ),
                ("places", models.SmallIntegerField()),
                (
                    "pending_until",
                    models.DateTimeField(help_text="UTC; when the last of its holds ends."),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        models.F("practice"), models.F("pending_until"), name="patient_hold_live"
                    )
                ]
            },
        ),
    ]
