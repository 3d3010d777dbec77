"""Add what a patient says of a visit: group, language, where from, and that they will come.

Null without a default, so no row is rewritten and nobody waits.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bookings", "0006_calls")]

    operations = [
        migrations.AddField(
            model_name="appointment",
            name="attribution",
            field=models.JSONField(
                editable=False, help_text="What else the first address said: ATTRIBUTION.", null=True
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="confirmed_at",
            field=models.DateTimeField(
                editable=False, help_text="UTC; when the patient said: I will come.", null=True
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="group_id",
            field=models.CharField(
                editable=False, help_text="Shared by a family's visits.", max_length=32, null=True
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="language",
            field=models.CharField(
                choices=[("en", "English"), ("es", "Spanish")],
                help_text="Empty: English.",
                max_length=2,
                null=True,
            ),
        ),
        migrations.AddField(
            model_name="appointment",
            name="source",
            field=models.CharField(
                editable=False,
                help_text="Where the patient came from: a partner's id, or any text.",
                max_length=100,
                null=True,
            ),
        ),
    ]
