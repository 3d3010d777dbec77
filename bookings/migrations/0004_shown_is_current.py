"""Let the database take a booking's JSON away when the booking changes and its JSON does not.

Whatever changes a row, an older release or a hand in the database: what is shown of it is never old
(bookings/representation.py).
"""

from django.db import migrations

SHOWN = (
    "id",
    "status",
    "length",
    "recurring",
    "start_datetime",
    "location_id",
    "doctor_id",
    "practice_id",
    "total_appointments",
    "places_reserved",
    "places_booked",
    "pending_until",
    "updated_at",
    "created_at",
)
NEW = ", ".join(f"NEW.{name}" for name in SHOWN)
OLD = ", ".join(f"OLD.{name}" for name in SHOWN)

POSTGRESQL = (
    """
    CREATE FUNCTION bookings_not_shown() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.shown := NULL;
        RETURN NEW;
    END $$
    """,
    f"""
    CREATE TRIGGER booking_shown_is_current BEFORE UPDATE ON bookings_booking FOR EACH ROW
    WHEN (NEW.shown = OLD.shown AND ({NEW}) IS DISTINCT FROM ({OLD}))
    EXECUTE FUNCTION bookings_not_shown()
    """,
)
POSTGRESQL_BACK = (
    "DROP TRIGGER booking_shown_is_current ON bookings_booking",
    "DROP FUNCTION bookings_not_shown",
)
SQLITE = (
    f"""
    CREATE TRIGGER booking_shown_is_current AFTER UPDATE ON bookings_booking
    WHEN NEW.shown = OLD.shown AND ({NEW}) IS NOT ({OLD})
    BEGIN UPDATE bookings_booking SET shown = NULL WHERE id = NEW.id; END
    """,
)
SQLITE_BACK = ("DROP TRIGGER booking_shown_is_current",)


def forwards(apps, schema_editor):
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRESQL if on_postgresql else SQLITE:
        schema_editor.execute(statement, params=None)


def backwards(apps, schema_editor):
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRESQL_BACK if on_postgresql else SQLITE_BACK:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [("bookings", "0003_shown")]

    operations = [migrations.RunPython(forwards, backwards)]
