"""Bring labels and help texts up to date: the database does not change."""

from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('bookings', '0014_events_by_time'),
    ]

    operations = [
        migrations.AlterField(
            model_name='delivery',
            name='kind',
            field=models.CharField(choices=[('booked', 'Booked'), ('reserved', 'Place reserved'), ('time_given', 'Exact time set'), ('moved', 'Moved'), ('cancelled', 'Cancelled'), ('reminder_3_days', 'Reminder, 3 days before'), ('reminder_1_day', 'Reminder, 1 day before'), ('code', 'Code'), ('remind', 'Find visits to remind of'), ('prune', 'Delete old tasks')], max_length=15),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='outcome',
            field=models.CharField(choices=[('sent', 'Sent'), ('written', 'Written to a file'), ('refused', 'Bounced'), ('failed', 'Not delivered'), ('dropped', 'Not sent')], max_length=7),
        ),
        migrations.AlterField(
            model_name='delivery',
            name='reason',
            field=models.CharField(blank=True, choices=[('overtaken', 'the visit changed'), ('too_late', 'it was too late'), ('no_address', 'there is no longer an e-mail address'), ('unsubscribed', 'the family stopped reminders'), ('turned_off', 'the practice turned it off'), ('by_operator', 'the operator dropped it')], max_length=12),
        ),
        migrations.AlterField(
            model_name='task',
            name='kind',
            field=models.CharField(choices=[('booked', 'Booked'), ('reserved', 'Place reserved'), ('time_given', 'Exact time set'), ('moved', 'Moved'), ('cancelled', 'Cancelled'), ('reminder_3_days', 'Reminder, 3 days before'), ('reminder_1_day', 'Reminder, 1 day before'), ('code', 'Code'), ('remind', 'Find visits to remind of'), ('prune', 'Delete old tasks')], max_length=15),
        ),
        migrations.AlterField(
            model_name='task',
            name='queue_name',
            field=models.CharField(choices=[('code', 'Codes'), ('mail', 'E-mail'), ('reminder', 'Reminders'), ('periodic', 'Periodic work')], max_length=8),
        ),
    ]
