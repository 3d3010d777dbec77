"""Let the database refuse what more than one row has to agree on (contract, section 1).

At the end of every transaction the places of a booking that are not taken as a whole are those of
its appointments: nobody can take, give up or delete one without the booking, nor change the booking
without its appointments. A booking is in its location's practice, places are reserved only where
the practice offers ranges, and neither a practice's kind nor a location's practice changes under
bookings. Whatever changes a booking without its JSON, the JSON is not current any longer
(bookings/representation.py).

PostgreSQL has constraint triggers for "at the end". SQLite has only foreign keys for it: a booking
that does not agree is noted in a table whose key refers to nothing, and un-noted when it agrees;
a note that is left makes the commit fail. Nothing is counted where nothing of it has changed.

A later migration that rebuilds one of these tables on SQLite drops its triggers; tests/bookings/
test_constraints.py then fails, and the migration has to make them again.
"""

from django.db import migrations

STATUSES = ("pending", "reserved", "booked")
AGREES = " AND ".join(
    f"""
    (SELECT COUNT(*) FROM bookings_appointment WHERE booking_id = b.id AND status = '{status}')
        = b.places_{status} - b.whole_{status}
    """
    for status in STATUSES
)
COUNTS = ", ".join(f"places_{status}, whole_{status}" for status in STATUSES)
PATIENTS = " OR ".join(f"NEW.places_{status} <> NEW.whole_{status}" for status in STATUSES)
PATIENTS_CHANGED = " OR ".join(
    f"NEW.places_{status} - NEW.whole_{status} <> OLD.places_{status} - OLD.whole_{status}"
    for status in STATUSES
)
TAKEN = "('pending', 'reserved', 'booked')"
MOVED = "NEW.status <> OLD.status OR NEW.booking_id <> OLD.booking_id"
IN_ITS_PRACTICE = """
    EXISTS (SELECT 1 FROM practices_location
            WHERE id = NEW.location_id AND practice_id = NEW.practice_id)
"""
RESERVABLE = """
    (NEW.places_reserved = 0 OR EXISTS (
        SELECT 1 FROM practices_practice WHERE id = NEW.practice_id AND kind = 'range'))
"""
KIND_STAYS = "EXISTS (SELECT 1 FROM bookings_booking WHERE practice_id = OLD.id)"
PRACTICE_STAYS = "EXISTS (SELECT 1 FROM bookings_booking WHERE location_id = OLD.id)"
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
SHOWN_NEW = ", ".join(f"NEW.{name}" for name in SHOWN)
SHOWN_OLD = ", ".join(f"OLD.{name}" for name in SHOWN)

POSTGRESQL = (
    f"""
    CREATE FUNCTION bookings_check_places(booking varchar) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN
        IF EXISTS (SELECT 1 FROM bookings_booking b WHERE b.id = booking AND NOT ({AGREES})) THEN
            RAISE EXCEPTION 'booking % does not agree with its places', booking
                USING ERRCODE = 'check_violation', CONSTRAINT = 'booking_places_agree';
        END IF;
    END $$
    """,
    """
    CREATE FUNCTION bookings_places_agree() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF TG_TABLE_NAME = 'bookings_booking' THEN
            PERFORM bookings_check_places(NEW.id);
            RETURN NULL;
        END IF;
        IF TG_OP <> 'INSERT' THEN
            PERFORM bookings_check_places(OLD.booking_id);
        END IF;
        IF TG_OP = 'INSERT' OR TG_OP = 'UPDATE' AND NEW.booking_id <> OLD.booking_id THEN
            PERFORM bookings_check_places(NEW.booking_id);
        END IF;
        RETURN NULL;
    END $$
    """,
    *(
        f"""
        CREATE CONSTRAINT TRIGGER {name} AFTER {event} ON {table}
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ({condition})
        EXECUTE FUNCTION bookings_places_agree()
        """
        for name, event, table, condition in (
            ("booking_places_agree_made", "INSERT", "bookings_booking", PATIENTS),
            (
                "booking_places_agree",
                f"UPDATE OF {COUNTS}",
                "bookings_booking",
                PATIENTS_CHANGED,
            ),
            (
                "appointment_places_agree_made",
                "INSERT",
                "bookings_appointment",
                f"NEW.status IN {TAKEN}",
            ),
            (
                "appointment_places_agree",
                "UPDATE OF status, booking_id",
                "bookings_appointment",
                MOVED,
            ),
            (
                "appointment_places_agree_deleted",
                "DELETE",
                "bookings_appointment",
                f"OLD.status IN {TAKEN}",
            ),
        )
    ),
    f"""
    CREATE FUNCTION bookings_belongs() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF NOT ({IN_ITS_PRACTICE}) OR NOT ({RESERVABLE}) THEN
            RAISE EXCEPTION 'booking % does not fit its practice', NEW.id
                USING ERRCODE = 'check_violation', CONSTRAINT = 'booking_fits_practice';
        END IF;
        RETURN NEW;
    END $$
    """,
    """
    CREATE TRIGGER booking_fits_practice
    BEFORE INSERT OR UPDATE OF location_id, practice_id, places_reserved ON bookings_booking
    FOR EACH ROW EXECUTE FUNCTION bookings_belongs()
    """,
    """
    CREATE FUNCTION bookings_stays() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        RAISE EXCEPTION '% has openings: this cannot change', OLD.id
            USING ERRCODE = 'check_violation', CONSTRAINT = TG_NAME;
    END $$
    """,
    """
    CREATE FUNCTION bookings_has_openings(practice varchar, location varchar) RETURNS boolean
    LANGUAGE sql STABLE AS $$
        SELECT EXISTS (SELECT 1 FROM bookings_booking
                       WHERE practice_id = practice OR location_id = location)
    $$
    """,
    """
    CREATE TRIGGER practice_kind_stays BEFORE UPDATE OF kind ON practices_practice FOR EACH ROW
    WHEN (NEW.kind <> OLD.kind AND bookings_has_openings(OLD.id, NULL))
    EXECUTE FUNCTION bookings_stays()
    """,
    """
    CREATE TRIGGER location_practice_stays BEFORE UPDATE OF practice_id ON practices_location
    FOR EACH ROW WHEN (NEW.practice_id <> OLD.practice_id AND bookings_has_openings(NULL, OLD.id))
    EXECUTE FUNCTION bookings_stays()
    """,
    """
    CREATE FUNCTION bookings_not_shown() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        NEW.shown_as := '';
        RETURN NEW;
    END $$
    """,
    f"""
    CREATE TRIGGER booking_shown_is_current BEFORE UPDATE ON bookings_booking FOR EACH ROW
    WHEN (NEW.shown = OLD.shown AND ({SHOWN_NEW}) IS DISTINCT FROM ({SHOWN_OLD}))
    EXECUTE FUNCTION bookings_not_shown()
    """,
)
POSTGRESQL_BACK = (
    "DROP TRIGGER booking_shown_is_current ON bookings_booking",
    "DROP FUNCTION bookings_not_shown",
    "DROP TRIGGER location_practice_stays ON practices_location",
    "DROP TRIGGER practice_kind_stays ON practices_practice",
    "DROP FUNCTION bookings_has_openings",
    "DROP FUNCTION bookings_stays",
    "DROP TRIGGER booking_fits_practice ON bookings_booking",
    "DROP FUNCTION bookings_belongs",
    "DROP TRIGGER appointment_places_agree_deleted ON bookings_appointment",
    "DROP TRIGGER appointment_places_agree ON bookings_appointment",
    "DROP TRIGGER appointment_places_agree_made ON bookings_appointment",
    "DROP TRIGGER booking_places_agree ON bookings_booking",
    "DROP TRIGGER booking_places_agree_made ON bookings_booking",
    "DROP FUNCTION bookings_places_agree",
    "DROP FUNCTION bookings_check_places",
)


def noting(booking: str) -> str:
    """Write the body of a trigger that notes whether a booking agrees with its places."""
    return f"""
        DELETE FROM bookings_disagreement WHERE booking_id = {booking};
        INSERT INTO bookings_disagreement (booking_id, never)
        SELECT b.id, 0 FROM bookings_booking b WHERE b.id = {booking} AND NOT ({AGREES});
    """


SQLITE = (
    "CREATE TABLE bookings_nothing (id integer PRIMARY KEY)",
    """
    CREATE TABLE bookings_disagreement (
        booking_id varchar(32) PRIMARY KEY,
        never integer NOT NULL REFERENCES bookings_nothing (id) DEFERRABLE INITIALLY DEFERRED
    )
    """,
    f"""
    CREATE TRIGGER booking_made AFTER INSERT ON bookings_booking WHEN {PATIENTS}
    BEGIN {noting("NEW.id")} END
    """,
    f"""
    CREATE TRIGGER booking_changed AFTER UPDATE OF {COUNTS} ON bookings_booking
    WHEN {PATIENTS_CHANGED} BEGIN {noting("NEW.id")} END
    """,
    """
    CREATE TRIGGER booking_deleted AFTER DELETE ON bookings_booking
    BEGIN DELETE FROM bookings_disagreement WHERE booking_id = OLD.id; END
    """,
    f"""
    CREATE TRIGGER appointment_made AFTER INSERT ON bookings_appointment
    WHEN NEW.status IN {TAKEN} BEGIN {noting("NEW.booking_id")} END
    """,
    f"""
    CREATE TRIGGER appointment_changed AFTER UPDATE OF status, booking_id ON bookings_appointment
    WHEN {MOVED} BEGIN {noting("NEW.booking_id")} {noting("OLD.booking_id")} END
    """,
    f"""
    CREATE TRIGGER appointment_deleted AFTER DELETE ON bookings_appointment
    WHEN OLD.status IN {TAKEN} BEGIN {noting("OLD.booking_id")} END
    """,
    *(
        f"""
        CREATE TRIGGER booking_fits_practice_{when} BEFORE {event} ON bookings_booking
        WHEN NOT ({IN_ITS_PRACTICE}) OR NOT ({RESERVABLE})
        BEGIN SELECT RAISE(ABORT, 'booking_fits_practice'); END
        """
        for when, event in (
            ("made", "INSERT"),
            ("changed", "UPDATE OF location_id, practice_id, places_reserved"),
        )
    ),
    f"""
    CREATE TRIGGER practice_kind_stays BEFORE UPDATE OF kind ON practices_practice
    WHEN NEW.kind <> OLD.kind AND {KIND_STAYS}
    BEGIN SELECT RAISE(ABORT, 'practice_kind_stays'); END
    """,
    f"""
    CREATE TRIGGER location_practice_stays BEFORE UPDATE OF practice_id ON practices_location
    WHEN NEW.practice_id <> OLD.practice_id AND {PRACTICE_STAYS}
    BEGIN SELECT RAISE(ABORT, 'location_practice_stays'); END
    """,
    f"""
    CREATE TRIGGER booking_shown_is_current AFTER UPDATE ON bookings_booking
    WHEN NEW.shown = OLD.shown AND ({SHOWN_NEW}) IS NOT ({SHOWN_OLD})
    BEGIN UPDATE bookings_booking SET shown_as = '' WHERE id = NEW.id; END
    """,
)
SQLITE_BACK = (
    "DROP TRIGGER booking_shown_is_current",
    "DROP TRIGGER location_practice_stays",
    "DROP TRIGGER practice_kind_stays",
    "DROP TRIGGER booking_fits_practice_changed",
    "DROP TRIGGER booking_fits_practice_made",
    "DROP TRIGGER appointment_deleted",
    "DROP TRIGGER appointment_changed",
    "DROP TRIGGER appointment_made",
    "DROP TRIGGER booking_deleted",
    "DROP TRIGGER booking_changed",
    "DROP TRIGGER booking_made",
    "DROP TABLE bookings_disagreement",
    "DROP TABLE bookings_nothing",
)


def forwards(apps, schema_editor):
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRESQL if on_postgresql else SQLITE:
        schema_editor.execute(statement, params=None)


def backwards(apps, schema_editor):
    on_postgresql = schema_editor.connection.vendor == "postgresql"
    for statement in POSTGRESQL_BACK if on_postgresql else SQLITE_BACK:
        schema_editor.execute(statement, params=None)


class Migration(migrations.Migration):
    dependencies = [
        ("bookings", "0001_initial"),
        ("practices", "0001_initial"),
    ]

    operations = [migrations.RunPython(forwards, backwards)]
