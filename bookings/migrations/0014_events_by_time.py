"""Index a practice's events by their time, for the page of its history.

On PostgreSQL without keeping any write waiting, as in 0008.
"""

from importlib import import_module

from django.db import migrations, models

AddIndexConcurrently = import_module("bookings.migrations.0008_group_index").AddIndexConcurrently


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("bookings", "0013_reminder_opt_outs")]

    operations = [
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                models.F("practice"),
                models.F("at"),
                models.F("id"),
                name="event_of_practice",
            ),
        ),
    ]
