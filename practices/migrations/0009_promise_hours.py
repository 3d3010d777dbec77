"""Add within how many hours a practice sets the exact time of a request.

Null without a default, so no row is rewritten.
"""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("practices", "0008_calendar_settings"),
    ]

    operations = [
        migrations.AddField(
            model_name="bookingpage",
            name="promise_hours",
            field=models.PositiveSmallIntegerField(
                blank=True,
                help_text="Without Saturdays and Sundays; after that, a request is shown as overdue.",
                null=True,
                validators=[
                    django.core.validators.MinValueValidator(1),
                    django.core.validators.MaxValueValidator(720),
                ],
                verbose_name="Hours within which you set it",
            ),
        ),
    ]
