"""Bring labels and help texts up to date: the database does not change."""

import django.core.validators
import django.db.models.deletion
import practices.models
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('practices', '0003_mail_settings'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AlterField(
            model_name='apikey',
            name='created_by',
            field=models.ForeignKey(blank=True, editable=False, help_text='The operator; empty if it was issued on the command line.', null=True, on_delete=django.db.models.deletion.SET_NULL, related_name='+', to=settings.AUTH_USER_MODEL),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='expires_at',
            field=models.DateTimeField(blank=True, help_text='If empty, never.', null=True),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='last_used_at',
            field=models.DateTimeField(blank=True, editable=False, help_text='To the minute.', null=True),
        ),
        migrations.AlterField(
            model_name='apikey',
            name='revoked_at',
            field=models.DateTimeField(blank=True, help_text='When it stopped working.', null=True),
        ),
        migrations.AlterField(
            model_name='bookingpage',
            name='active',
            field=models.BooleanField(default=False, verbose_name='Patients can book online'),
        ),
        migrations.AlterField(
            model_name='bookingpage',
            name='after_url',
            field=models.URLField(blank=True, help_text='A link on the last page, starting with https://.', validators=[django.core.validators.URLValidator(['https'])], verbose_name='Page to go to after booking'),
        ),
        migrations.AlterField(
            model_name='bookingpage',
            name='cancel_hours',
            field=models.PositiveSmallIntegerField(default=0, help_text='After that, the page asks patients to call.', validators=[django.core.validators.MaxValueValidator(720)], verbose_name='Moving and cancelling closes, in hours before the visit'),
        ),
        migrations.AlterField(
            model_name='bookingpage',
            name='doctors',
            field=models.ManyToManyField(blank=True, help_text='If none are checked, all are shown.', related_name='+', to='practices.doctor'),
        ),
        migrations.AlterField(
            model_name='bookingpage',
            name='locations',
            field=models.ManyToManyField(blank=True, help_text='If none are checked, all are shown.', related_name='+', to='practices.location'),
        ),
        migrations.AlterField(
            model_name='bookingpage',
            name='notice_hours',
            field=models.PositiveSmallIntegerField(default=2, help_text='Openings that start sooner are not shown.', validators=[django.core.validators.MaxValueValidator(720)], verbose_name='Minimum notice, in hours'),
        ),
        migrations.AlterField(
            model_name='bookingpage',
            name='origins',
            field=models.TextField(blank=True, help_text='Such as https://www.practice.example, one on each line; if empty, no site may.', max_length=1000, validators=[practices.models.validate_origins], verbose_name='Websites that may show it in a frame'),
        ),
        migrations.AlterField(
            model_name='bookingpage',
            name='promise_en',
            field=models.CharField(blank=True, help_text='Such as “by noon the next business day”; patients see it when they book.', max_length=100, verbose_name='When you set the exact time, in English'),
        ),
        migrations.AlterField(
            model_name='bookingpage',
            name='text_en',
            field=models.TextField(blank=True, help_text='Such as what to bring; shown on the first page and after booking.', max_length=1000, verbose_name='Text for patients, in English'),
        ),
        migrations.AlterField(
            model_name='location',
            name='timezone',
            field=models.CharField(help_text='A name like America/New_York.', max_length=64, validators=[practices.models.validate_timezone], verbose_name='time zone'),
        ),
        migrations.AlterField(
            model_name='mailsettings',
            name='code',
            field=models.BooleanField(default=False, help_text='On the booking page; patients without an e-mail address have to call.', verbose_name='Patients enter a code from an e-mail before they book'),
        ),
        migrations.AlterField(
            model_name='mailsettings',
            name='reminder_1_day',
            field=models.BooleanField(default=True, verbose_name='Reminder the day before the visit'),
        ),
        migrations.AlterField(
            model_name='mailsettings',
            name='reminder_3_days',
            field=models.BooleanField(default=True, verbose_name='Reminder 3 days before the visit'),
        ),
        migrations.AlterField(
            model_name='mailsettings',
            name='text_en',
            field=models.TextField(blank=True, help_text='Such as what to bring or where to park.', max_length=1000, verbose_name='Text in every e-mail about an upcoming visit, in English'),
        ),
        migrations.AlterField(
            model_name='partner',
            name='all_practices',
            field=models.BooleanField(default=False, help_text='Granted every practice, including those added later.'),
        ),
        migrations.AlterField(
            model_name='partner',
            name='practices',
            field=models.ManyToManyField(blank=True, help_text='Where it may publish openings and book patients; reading needs no grant.', related_name='partners', to='practices.practice'),
        ),
        migrations.AlterField(
            model_name='partner',
            name='special_authorization',
            field=models.BooleanField(default=False, help_text='May list all practices, and publish, edit and close openings in the practices it is granted.'),
        ),
        migrations.AlterField(
            model_name='practice',
            name='active',
            field=models.BooleanField(default=True, help_text='Off: partners and patients can no longer see this practice.'),
        ),
        migrations.AlterField(
            model_name='practice',
            name='kind',
            field=models.CharField(choices=[('exact', 'Exact times'), ('range', 'Parts of the day')], default='exact', help_text='What patients book. Chosen once, for all openings of the practice.', max_length=5),
        ),
        migrations.AlterConstraint(
            model_name='apikey',
            name='api_key_expires_later',
            constraint=models.CheckConstraint(condition=models.Q(('expires_at__isnull', True), ('expires_at__gt', models.F('created_at')), _connector='OR'), name='api_key_expires_later', violation_error_message='Enter a time after the key was issued.'),
        ),
        migrations.AlterConstraint(
            model_name='location',
            name='location_latitude_degrees',
            constraint=models.CheckConstraint(condition=models.Q(('latitude__isnull', True), models.Q(('latitude__gte', -90), ('latitude__lte', 90)), _connector='OR'), name='location_latitude_degrees', violation_error_message='Enter a latitude from -90 to 90 degrees.'),
        ),
        migrations.AlterConstraint(
            model_name='location',
            name='location_longitude_degrees',
            constraint=models.CheckConstraint(condition=models.Q(('longitude__isnull', True), models.Q(('longitude__gte', -180), ('longitude__lte', 180)), _connector='OR'), name='location_longitude_degrees', violation_error_message='Enter a longitude from -180 to 180 degrees.'),
        ),
        migrations.AlterConstraint(
            model_name='membership',
            name='membership_once',
            constraint=models.UniqueConstraint(fields=('user', 'practice'), name='membership_once', violation_error_message='This person already works for this practice.'),
        ),
    ]
