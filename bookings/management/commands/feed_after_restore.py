"""Move every practice's feed on after a restore from a backup."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import F

from bookings.models import Feed

AHEAD = 1_000_000
"""More than any practice writes between a backup and what makes a restore necessary."""


class Command(BaseCommand):
    """What was written after the backup is lost; its numbers must not come to mean other events."""

    help = (
        "After a restore, continue every practice's feed from a number that no client has seen: "
        "cursors and ETags of what is lost would otherwise be those of something else."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        moved = Feed.objects.update(newest=F("newest") + AHEAD)
        self.stdout.write(f"The feeds of {moved} practices go on {AHEAD} numbers later.")
