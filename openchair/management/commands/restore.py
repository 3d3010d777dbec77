"""Fill an empty database from a backup."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from openchair import backups


class Command(BaseCommand):
    """Restores a copy, and compares every table with the list beside it."""

    help = (
        "Fill the empty database that DATABASE_URL names from a backup, and compare every table "
        "with the list that was made with it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say what can be asked for."""
        parser.add_argument("copy", metavar="COPY", type=Path, help="the .dump or .sqlite3 file")

    def handle(self, *args: Any, **options: Any) -> None:
        """Restore it."""
        try:
            tables = backups.restore(options["copy"])
        except (backups.Failed, OSError) as error:
            raise CommandError(str(error)) from error
        for name, table in sorted(tables.items()):
            self.stdout.write(f"{table['rows']:>10} {name}")
        self.stdout.write("Every table is as it was when the backup was made.")
