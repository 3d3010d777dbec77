"""Count without writing ahead: every request counts, and nothing is lost but a count.

On PostgreSQL the table is then empty after a crash, and on a standby that was promoted; limits begin
anew there. SQLite has one log for all tables.
"""

from django.db import migrations


def unlogged(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE api_counter SET UNLOGGED")


def logged(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("ALTER TABLE api_counter SET LOGGED")


class Migration(migrations.Migration):
    dependencies = [("api", "0001_initial")]

    operations = [migrations.RunPython(unlogged, logged)]
