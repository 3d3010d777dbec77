"""Add which families on the waiting list an answer showed.

Null without a default, so no row is rewritten and nobody waits.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0022_waitlist_tasks"),
    ]

    operations = [
        migrations.AddField(
            model_name="access",
            name="entries",
            field=models.JSONField(help_text="The ids of families on the waiting list.", null=True),
        ),
    ]
