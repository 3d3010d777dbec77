"""Columns for what is known of a patient, sealed; those in clear keep their place, under another name.

In the database columns are added and nothing else happens: a release that knows only those in clear
can run beside this one.
"""

import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bookings', '0004_shown_is_current'),
        ('practices', '0001_practices'),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.RemoveConstraint(
                    model_name='appointment',
                    name='appointment_first_name_length',
                ),
                migrations.RemoveConstraint(
                    model_name='appointment',
                    name='appointment_last_name_length',
                ),
                migrations.RemoveConstraint(
                    model_name='appointment',
                    name='appointment_email_length',
                ),
                migrations.RemoveConstraint(
                    model_name='appointment',
                    name='appointment_phone_length',
                ),
                migrations.RemoveConstraint(
                    model_name='appointment',
                    name='appointment_guardian_name_length',
                ),
                migrations.RemoveConstraint(
                    model_name='appointment',
                    name='appointment_zip_code_length',
                ),
                migrations.RemoveConstraint(
                    model_name='appointment',
                    name='appointment_message_length',
                ),
                migrations.RemoveField(
                    model_name='appointment',
                    name='email',
                ),
                migrations.RemoveField(
                    model_name='appointment',
                    name='first_name',
                ),
                migrations.RemoveField(
                    model_name='appointment',
                    name='guardian_name',
                ),
                migrations.RemoveField(
                    model_name='appointment',
                    name='last_name',
                ),
                migrations.RemoveField(
                    model_name='appointment',
                    name='message',
                ),
                migrations.RemoveField(
                    model_name='appointment',
                    name='phone',
                ),
                migrations.RemoveField(
                    model_name='appointment',
                    name='zip_code',
                ),
                migrations.AddField(
                    model_name='appointment',
                    name='clear_email',
                    field=models.CharField(db_column='email', editable=False, max_length=254),
                ),
                migrations.AddField(
                    model_name='appointment',
                    name='clear_first_name',
                    field=models.CharField(db_column='first_name', editable=False, max_length=100),
                ),
                migrations.AddField(
                    model_name='appointment',
                    name='clear_guardian_name',
                    field=models.CharField(db_column='guardian_name', editable=False, max_length=200),
                ),
                migrations.AddField(
                    model_name='appointment',
                    name='clear_last_name',
                    field=models.CharField(db_column='last_name', editable=False, max_length=100),
                ),
                migrations.AddField(
                    model_name='appointment',
                    name='clear_message',
                    field=models.TextField(db_column='message', editable=False, max_length=2000),
                ),
                migrations.AddField(
                    model_name='appointment',
                    name='clear_phone',
                    field=models.CharField(db_column='phone', editable=False, max_length=40),
                ),
                migrations.AddField(
                    model_name='appointment',
                    name='clear_zip_code',
                    field=models.CharField(db_column='zip_code', editable=False, max_length=20),
                ),
                migrations.AddConstraint(
                    model_name='appointment',
                    constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.text.Length(models.F('clear_first_name')), models.Value(0)), django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length(models.F('clear_first_name')), models.Value(100))), name='appointment_first_name_length', violation_error_message='clear_first_name has 0 to 100 characters.'),
                ),
                migrations.AddConstraint(
                    model_name='appointment',
                    constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.text.Length(models.F('clear_last_name')), models.Value(0)), django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length(models.F('clear_last_name')), models.Value(100))), name='appointment_last_name_length', violation_error_message='clear_last_name has 0 to 100 characters.'),
                ),
                migrations.AddConstraint(
                    model_name='appointment',
                    constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.text.Length(models.F('clear_email')), models.Value(0)), django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length(models.F('clear_email')), models.Value(254))), name='appointment_email_length', violation_error_message='clear_email has 0 to 254 characters.'),
                ),
                migrations.AddConstraint(
                    model_name='appointment',
                    constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.text.Length(models.F('clear_phone')), models.Value(0)), django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length(models.F('clear_phone')), models.Value(40))), name='appointment_phone_length', violation_error_message='clear_phone has 0 to 40 characters.'),
                ),
                migrations.AddConstraint(
                    model_name='appointment',
                    constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.text.Length(models.F('clear_guardian_name')), models.Value(0)), django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length(models.F('clear_guardian_name')), models.Value(200))), name='appointment_guardian_name_length', violation_error_message='clear_guardian_name has 0 to 200 characters.'),
                ),
                migrations.AddConstraint(
                    model_name='appointment',
                    constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.text.Length(models.F('clear_zip_code')), models.Value(0)), django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length(models.F('clear_zip_code')), models.Value(20))), name='appointment_zip_code_length', violation_error_message='clear_zip_code has 0 to 20 characters.'),
                ),
                migrations.AddConstraint(
                    model_name='appointment',
                    constraint=models.CheckConstraint(condition=models.Q(django.db.models.lookups.GreaterThanOrEqual(django.db.models.functions.text.Length(models.F('clear_message')), models.Value(0)), django.db.models.lookups.LessThanOrEqual(django.db.models.functions.text.Length(models.F('clear_message')), models.Value(2000))), name='appointment_message_length', violation_error_message='clear_message has 0 to 2000 characters.'),
                ),
            ],
        ),
        migrations.AddField(
            model_name='appointment',
            name='email_digest',
            field=models.CharField(editable=False, max_length=32, null=True),
        ),
        migrations.AddField(
            model_name='appointment',
            name='patient',
            field=models.TextField(editable=False, help_text='Sealed: bookings/patients/record.py.', null=True),
        ),
        migrations.AddField(
            model_name='appointment',
            name='patient_key',
            field=models.CharField(editable=False, help_text='The name of the key that sealed it.', max_length=8, null=True),
        ),
        migrations.AddField(
            model_name='appointment',
            name='phone_digest',
            field=models.CharField(editable=False, max_length=32, null=True),
        ),
    ]
