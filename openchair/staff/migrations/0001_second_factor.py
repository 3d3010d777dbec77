"""Make the tables of second factors and their recovery codes."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name='SecondFactor',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('secret', models.TextField(help_text='Encrypted with a key of PATIENT_KEYS.')),
                ('sealed_by', models.CharField(help_text='The name of that key.', max_length=8)),
                ('last_step', models.BigIntegerField(help_text='Of the last code used; only later ones are good.')),
                ('confirmed_at', models.DateTimeField(help_text='When its first code was typed.')),
                ('user', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, related_name='second_factor', to=settings.AUTH_USER_MODEL)),
            ],
        ),
        migrations.CreateModel(
            name='RecoveryCode',
            fields=[
                ('id', models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name='ID')),
                ('digest', models.CharField(help_text='SHA-256: a code has 80 random bits.', max_length=64)),
                ('factor', models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name='recovery_codes', to='staff.secondfactor')),
            ],
            options={
                'constraints': [models.UniqueConstraint(models.F('factor'), models.F('digest'), name='staff_recovery_code_once')],
            },
        ),
    ]
