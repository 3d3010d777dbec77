"""Check the constraint of 0003 against the rows that are there, while they can be changed."""

from django.db import migrations


def validate(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "ALTER TABLE bookings_appointment VALIDATE CONSTRAINT appointment_attendance_fits"
        )


class Migration(migrations.Migration):
    dependencies = [("bookings", "0003_attendance")]

    operations = [migrations.RunPython(validate, migrations.RunPython.noop)]
