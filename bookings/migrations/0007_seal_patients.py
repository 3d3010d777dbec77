"""Seal what is in clear, a few rows at a time, while the installation is in use."""

from django.db import migrations

from bookings.patients.rotation import seal_anew, unseal


def forwards(apps, schema_editor):
    for _ in seal_anew(apps.get_model("bookings", "Appointment").objects.all()):
        pass


def backwards(apps, schema_editor):
    unseal(apps.get_model("bookings", "Appointment").objects.all())


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("bookings", "0006_patient_indexes"),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
