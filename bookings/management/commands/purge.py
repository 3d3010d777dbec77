"""manage.py purge: remove old patients' data (data retention), while the server runs."""

import re
from datetime import timedelta
from typing import Any

from django.contrib.sessions.models import Session
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from bookings.booking_page import limits
from bookings.patients import purge
from openchair.api.idempotency import KEPT_FOR
from openchair.api.models import KeptAnswer


class Command(BaseCommand):
    """Blank patients' data in old appointments and waiting list entries; all else stays."""

    help = (
        "Remove what is known of patients whose appointment ended longer ago than that; of those "
        "cancelled, expired or without a time, what has not changed for so long; and of families "
        "that have been off a waiting list for so long. Statistics, history and statuses stay. "
        "Also removes answers kept for retries for over 24 hours, ended sessions, and from where "
        "places were held on booking pages. In small batches while the server runs; it may be "
        "stopped and run again."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        # Required: only the operator can know how long data has to be stored.
        parser.add_argument("--older-than", required=True, metavar="DAYS", help="Such as 90d.")
        parser.add_argument("--dry-run", action="store_true", help="Count, and change nothing.")

    def handle(self, *args: Any, **options: Any) -> None:
        now = timezone.now()
        before = now - _age(options["older_than"])
        dry_run = options["dry_run"]
        emptied = sum(purge.purge(before, dry_run=dry_run))
        entries = sum(purge.purge_entries(before, dry_run=dry_run))
        answers = KeptAnswer.objects.filter(kept_at__lte=now - KEPT_FOR)
        sessions = Session.objects.filter(expire_date__lt=now)
        rest = (answers, sessions, limits.forgotten(now))
        counts = [rows.count() if dry_run else rows.delete()[0] for rows in rest]
        self.stdout.write(
            f"{'Would remove' if dry_run else 'Removed'} the patients' data of {emptied} "
            f"appointments and {entries} waiting list entries, {counts[0]} answers kept for "
            f"retries, {counts[1]} ended sessions and {counts[2]} ended holds of booking pages."
        )


def _age(text: str) -> timedelta:
    """Parse an age in whole days, such as 90d. Raises CommandError."""
    said = re.fullmatch(r"([0-9]{1,5})d", text)
    if said is None:
        raise CommandError(f"--older-than takes whole days, such as 90d, not {text!r}.")
    age = timedelta(days=int(said[1]))
    if age < timedelta(days=1):
        raise CommandError(
            "--older-than has to be at least 1d: today's appointments are still needed."
        )
    return age
