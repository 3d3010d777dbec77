from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('api', '0004_counter_unlogged'),
    ]

    operations = [
        migrations.AddField(
            model_name='keptanswer',
            name='sealed',
            field=models.TextField(null=True),
        ),
        migrations.AddField(
            model_name='keptanswer',
            name='sealed_by',
            field=models.CharField(max_length=8, null=True),
        ),
    ]
