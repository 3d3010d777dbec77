"""Add when a place of a booking last became free.

Null without a default, so no row is rewritten and nobody waits.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0019_calendar_links"),
    ]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="freed_at",
            field=models.DateTimeField(
                editable=False,
                help_text="UTC; when a place of it last became free.",
                null=True,
            ),
        ),
    ]
