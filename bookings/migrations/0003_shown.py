from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0002_places_agree"),
    ]

    operations = [
        migrations.AddField(
            model_name="booking",
            name="shown",
            field=models.TextField(
                null=True, editable=False, help_text="Its JSON; null: to be written."
            ),
        ),
        migrations.AddField(
            model_name="booking",
            name="shown_as",
            field=models.CharField(
                null=True,
                max_length=100,
                editable=False,
                help_text="The edition and the zone of that JSON.",
            ),
        ),
    ]
