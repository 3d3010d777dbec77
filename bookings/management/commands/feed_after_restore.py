"""manage.py feed_after_restore: advance every practice's feed after a restore from a backup."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import F

from bookings.models import Feed

AHEAD = 1_000_000
"""More events than any practice writes between a backup and its restore."""


class Command(BaseCommand):
    """Skip the numbers of events lost in the restore, which must not be used for other events."""

    help = (
        "After a restore, continue every practice's feed from a number that no client has seen: "
        "cursors and ETags of what is lost would otherwise be those of something else."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        moved = Feed.objects.update(newest=F("newest") + AHEAD)
        self.stdout.write(f"The feeds of {moved} practices go on {AHEAD} numbers later.")
