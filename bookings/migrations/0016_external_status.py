"""Add what a practice's own system says of an appointment.

Null without a default, so no row is rewritten and nobody waits.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0015_words_of_mail"),
    ]

    operations = [
        migrations.AddField(
            model_name="appointment",
            name="external_id",
            field=models.CharField(
                editable=False, help_text="Its id there.", max_length=100, null=True
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="external_reason",
            field=models.CharField(
                editable=False, help_text="Why it could not be entered.", max_length=200, null=True
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="external_status",
            field=models.CharField(
                choices=[("entered", "Entered"), ("failed", "Failed")],
                editable=False,
                max_length=7,
                null=True,
            ),
        ),
    ]
