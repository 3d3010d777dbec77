"""Add what a practice says of its booking page."""

import django.core.validators
import django.db.models.deletion
import practices.models
from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('practices', '0001_initial'),
    ]

    operations = [
        migrations.CreateModel(
            name='BookingPage',
            fields=[
                ('practice', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='booking_page', serialize=False, to='practices.practice')),
                ('active', models.BooleanField(default=False, verbose_name='Patients can book by themselves')),
                ('notice_hours', models.PositiveSmallIntegerField(default=2, help_text='Openings that begin sooner are not shown.', validators=[django.core.validators.MaxValueValidator(720)], verbose_name='Least notice, in hours')),
                ('horizon_days', models.PositiveSmallIntegerField(default=84, validators=[django.core.validators.MinValueValidator(1), django.core.validators.MaxValueValidator(366)], verbose_name='How far ahead, in days')),
                ('cancel_hours', models.PositiveSmallIntegerField(default=0, help_text='Afterwards the page says whom to call.', validators=[django.core.validators.MaxValueValidator(720)], verbose_name='Moving and cancelling ends, in hours before the visit')),
                ('text_en', models.TextField(blank=True, help_text='What to bring, where to park. Shown on the first page and after booking.', max_length=1000, verbose_name='Text for patients, in English')),
                ('text_es', models.TextField(blank=True, max_length=1000, verbose_name='The same in Spanish')),
                ('promise_en', models.CharField(blank=True, help_text='For parts of the day, whose exact time you set: “by noon of the next working day”, say.', max_length=100, verbose_name='When the office answers, in English')),
                ('promise_es', models.CharField(blank=True, max_length=100, verbose_name='The same in Spanish')),
                ('after_url', models.URLField(blank=True, help_text='A link on the last page; it begins with https.', validators=[django.core.validators.URLValidator(['https'])], verbose_name='Page of yours to go to afterwards')),
                ('origins', models.TextField(blank=True, help_text='https://www.practice.example, one on each line. None: no site may.', max_length=1000, validators=[practices.models.validate_origins], verbose_name='Web sites that may show it in a frame')),
                ('doctors', models.ManyToManyField(blank=True, help_text='None chosen: all of them are shown.', related_name='+', to='practices.doctor')),
                ('locations', models.ManyToManyField(blank=True, help_text='None chosen: all of them are shown.', related_name='+', to='practices.location')),
            ],
        ),
    ]
