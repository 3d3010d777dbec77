"""Let what a series' end has closed leave the series, as it now does when the series ends."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0008_access"),
    ]

    operations = [
        migrations.RunSQL(
            """
            UPDATE bookings_booking SET series_id = NULL, series_date = NULL
            WHERE status = 'closed' AND NOT recurring
                AND series_id IN (SELECT id FROM bookings_series WHERE ended)
            """,
            # The release before does not mind: days without an occurrence are made anew by it too.
            migrations.RunSQL.noop,
        )
    ]
