"""Add what practices say of mail to their patients."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("practices", "0002_booking_page"),
    ]

    operations = [
        migrations.CreateModel(
            name="MailSettings",
            fields=[
                (
                    "practice",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="mail_settings",
                        serialize=False,
                        to="practices.practice",
                    ),
                ),
                (
                    "reminder_3_days",
                    models.BooleanField(
                        default=True, verbose_name="A reminder 3 days before the visit"
                    ),
                ),
                (
                    "reminder_1_day",
                    models.BooleanField(
                        default=True, verbose_name="A reminder the day before the visit"
                    ),
                ),
                (
                    "code",
                    models.BooleanField(
                        default=False,
                        help_text="On the booking page. Without an e-mail address they have to call.",
                        verbose_name="Patients type a code from an e-mail before they book",
                    ),
                ),
                (
                    "text_en",
                    models.TextField(
                        blank=True,
                        help_text="What to bring, where to park.",
                        max_length=1000,
                        verbose_name="Text in every e-mail about a visit to come, in English",
                    ),
                ),
                (
                    "text_es",
                    models.TextField(
                        blank=True, max_length=1000, verbose_name="The same in Spanish"
                    ),
                ),
            ],
        ),
    ]
