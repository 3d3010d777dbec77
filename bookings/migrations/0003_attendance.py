"""Add the attendance of an appointment.

On PostgreSQL the column has a constant default, so no row is rewritten, and the constraint is not
checked against the rows that are there until the next migration: neither keeps others waiting.
SQLite makes the table anew, which no trigger may name meanwhile: all are dropped and made again.
"""

from importlib import import_module

from django.db import migrations, models

rules = import_module("bookings.migrations.0002_rules")

FITS = models.CheckConstraint(
    name="appointment_attendance_fits",
    condition=models.Q(attendance="unknown")
    | models.Q(attendance__in=["unknown", "kept", "no_show", "late_cancel"], status="booked")
    | models.Q(attendance="late_cancel", status="cancelled"),
    violation_error_message="Only who was booked came, or did not.",
)


def constrain(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        made = FITS.create_sql(apps.get_model("bookings", "Appointment"), schema_editor)
        schema_editor.execute(f"{made} NOT VALID", params=None)


def free(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.remove_constraint(apps.get_model("bookings", "Appointment"), FITS)


def run_on_sqlite(statements, kind):
    def run(apps, schema_editor):
        if schema_editor.connection.vendor == "sqlite":
            for statement in statements:
                if kind in statement:
                    schema_editor.execute(statement, params=None)

    return run


drop_triggers = run_on_sqlite(rules.SQLITE_BACK, "DROP TRIGGER")
make_triggers = run_on_sqlite(rules.SQLITE, "CREATE TRIGGER")


class AddConstraintOnSQLite(migrations.AddConstraint):
    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "sqlite":
            super().database_forwards(app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor == "sqlite":
            super().database_backwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    dependencies = [("bookings", "0002_rules")]

    operations = [
        migrations.RunPython(drop_triggers, make_triggers),
        migrations.AddField(
            model_name="appointment",
            name="attendance",
            field=models.CharField(
                choices=[
                    ("unknown", "Unknown"),
                    ("kept", "Came"),
                    ("no_show", "No-show"),
                    ("late_cancel", "Late cancel"),
                ],
                db_default="unknown",
                default="unknown",
                max_length=11,
            ),
        ),
        AddConstraintOnSQLite(model_name="appointment", constraint=FITS),
        migrations.RunPython(constrain, free),
        migrations.RunPython(make_triggers, drop_triggers),
    ]
