"""Index the group of appointments, on PostgreSQL without keeping any write waiting.

Interrupted there it leaves an index that is not valid; the next run drops it first.
"""

from django.db import migrations, models


class AddIndexConcurrently(migrations.AddIndex):
    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        concurrently = {}
        if schema_editor.connection.vendor == "postgresql":
            concurrently = {"concurrently": True}
            schema_editor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {self.index.name}")
        model = to_state.apps.get_model(app_label, self.model_name)
        schema_editor.add_index(model, self.index, **concurrently)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        concurrently = {"concurrently": True} if schema_editor.connection.vendor == "postgresql" else {}
        model = from_state.apps.get_model(app_label, self.model_name)
        schema_editor.remove_index(model, self.index, **concurrently)


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("bookings", "0007_patients_visits")]

    operations = [
        AddIndexConcurrently(
            model_name="appointment",
            index=models.Index(
                models.F("group_id"),
                condition=models.Q(("group_id__isnull", False)),
                name="appointment_group",
            ),
        ),
    ]
