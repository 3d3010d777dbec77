"""Indexes by which a patient is found again. No row has anything in them yet: made at once."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bookings', '0005_patient_columns'),
    ]

    operations = [
        migrations.AddIndex(
            model_name='appointment',
            index=models.Index(models.F('email_digest'), condition=models.Q(('email_digest__isnull', False)), name='appointment_email'),
        ),
        migrations.AddIndex(
            model_name='appointment',
            index=models.Index(models.F('phone_digest'), condition=models.Q(('phone_digest__isnull', False)), name='appointment_phone'),
        ),
        migrations.AddIndex(
            model_name='appointment',
            index=models.Index(models.F('patient_key'), condition=models.Q(('patient_key__isnull', False)), name='appointment_keys'),
        ),
    ]
