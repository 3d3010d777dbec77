"""Let what the end of a series has closed leave the series, as it now does when the series ends.

What somebody closed stays in it. The two are told apart by the event that closed them: the end of a
series said in it that the occurrence does not repeat, too.
"""

from django.db import migrations


def forwards(apps, schema_editor):
    by_the_end = apps.get_model("bookings", "Event").objects.filter(
        appointment=None, to_status="closed", changes__has_key="recurring"
    )
    apps.get_model("bookings", "Booking").objects.filter(
        status="closed",
        recurring=False,
        series__ended=True,
        pk__in=by_the_end.values("booking"),
    ).update(series=None, series_date=None)


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0008_access"),
    ]

    # The release before does not mind: it makes days without an occurrence anew as well.
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop)]
