"""Copy the database while it is in use."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from openchair import backups


class Command(BaseCommand):
    """Writes a copy, and the list that a restore is compared with."""

    help = (
        "Copy the database into a folder, as it is at one instant, while it is in use. Beside the "
        "copy comes a list of its tables with rows and digests; `restore` compares with it."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Say what can be asked for."""
        parser.add_argument("folder", metavar="FOLDER", type=Path, help="where the copy goes")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it."""
        try:
            copy, tables = backups.make(options["folder"], now=timezone.now())
        except (backups.Failed, OSError) as error:
            raise CommandError(f"No backup was made. {error}") from error
        rows = sum(int(str(table["rows"])) for table in tables.values())
        self.stdout.write(
            f"{copy}: {rows} rows of {len(tables)} tables, {copy.stat().st_size} bytes"
        )
