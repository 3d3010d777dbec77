"""Add whom to tell when a partner's webhooks fail."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("practices", "0004_words_of_forms"),
    ]

    operations = [
        migrations.AddField(
            model_name="partner",
            name="contact_email",
            field=models.EmailField(
                blank=True,
                db_default="",
                default="",
                help_text="Who is told when the partner’s webhooks cannot be delivered.",
                max_length=254,
                verbose_name="contact’s e-mail address",
            ),
        ),
    ]
