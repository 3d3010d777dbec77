"""Management command: issue an API key."""

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.utils import timezone

from practices.models import ApiKey, Partner, Practice


class Command(BaseCommand):
    """Prints a new key of a partner, once."""

    help = (
        "Issue an API key for a partner and print it, once. The partner is named by its id or its "
        "name, and is made where there is none of that name and --new is given."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("partner", metavar="PARTNER", help="the partner's id or name")
        parser.add_argument("--new", action="store_true", help="make a partner of that name")
        parser.add_argument(
            "--authorize",
            action="store_true",
            help="give the partner special authorization: to list practices, and to write",
        )
        parser.add_argument(
            "--grant",
            action="append",
            default=[],
            metavar="PRACTICE",
            help="grant the partner a practice by its id, or 'all'; may be repeated",
        )
        parser.add_argument("--label", default="", help="where the key is used")
        parser.add_argument("--days", type=int, help="let the key expire after so many days")

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        days = options["days"]
        if days is not None and not 1 <= days <= 36_500:
            raise CommandError("--days takes a number from 1 to 36500.")
        partner = self._partner(options["partner"], new=options["new"])
        self._widen(partner, options["authorize"], options["grant"])
        expires_at = None if days is None else timezone.now() + timedelta(days=days)
        _, text = ApiKey.objects.issue(partner, label=options["label"], expires_at=expires_at)
        self.stderr.write(f"A key of {partner.name} ({partner.pk}), shown this once:")
        self.stdout.write(text)

    def _partner(self, name: str, *, new: bool) -> Partner:
        found = Partner.objects.filter(pk=name) or Partner.objects.filter(name=name)
        if found and not new:
            return found[0]
        if found:
            raise CommandError(f"There is a partner {name!r} already: leave --new out.")
        if not new:
            raise CommandError(f"There is no partner {name!r}: add --new to make one.")
        if not name.strip() or len(name) > 200:
            raise CommandError("A partner's name has 1 to 200 characters.")
        return Partner.objects.create(name=name)

    def _widen(self, partner: Partner, authorize: bool, grants: list[str]) -> None:
        if authorize:
            partner.special_authorization = True
        if "all" in grants:
            partner.all_practices = True
        partner.save()
        ids = {grant for grant in grants if grant != "all"}
        practices = Practice.objects.filter(pk__in=ids)
        unknown = ids - {practice.pk for practice in practices}
        if unknown:
            raise CommandError(f"There is no practice {', '.join(sorted(unknown))}.")
        partner.practices.add(*practices)
