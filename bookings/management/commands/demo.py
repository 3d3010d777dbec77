"""manage.py demo: create demo practices, bookings, partners, keys and staff."""

import json
import os
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand
from django.utils import timezone

from bookings import demo
from bookings.demo import accounts
from bookings.demo.practices import GROUPS
from practices.models import Practice

WELCOME = """
OpenChair is at {base}

  Book   {base}/book/{exact}   a patient's page: Acme, exact times
         {base}/book/{range}   ABC 123, parts of the day; Spanish is at /es/book/{range}
  API    curl -H "Authorization: {key}" \\
           "{base}/onlinescheduling/location/{location}/bookings?status=open&start_after={now}"
         (a demo key: it may list practices, and write in the two demo practices)
  Docs   {base}/docs/
  Desk   {base}/admin/
{logins}
  Mail   {mail}
"""
SEES = {
    "exact": "front desk of Acme, exact times",
    "range": "front desk of ABC 123, parts of the day",
    "operator": "operator, every practice",
}
WELCOME_BARE = """
OpenChair is at {base}

  API    {base}/scheduling/practices   (manage.py create_key issues a key)
  Docs   {base}/docs/
  Desk   {base}/admin/
  Mail   {mail}
{next}"""
NEXT = "  Next   {base}/admin/onboard/   onboards the first practice"
WITHOUT_OPERATOR = " (manage.py createsuperuser makes an operator)"


class Command(BaseCommand):
    """Create demo data; where it exists, add what is missing in the next two weeks."""

    help = (
        "Fill this installation with demo practices, openings and visits of the past eight weeks "
        "and the next two, partners, keys and staff. May be run again: what there is stays, and "
        "so do the keys and logins told before."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        instead = parser.add_mutually_exclusive_group()
        instead.add_argument("--json", action="store_true", help="print what was made, as JSON")
        instead.add_argument(
            "--welcome",
            action="store_true",
            help="say where everything is, with a key and logins that work; make demo data only "
            "where there is no practice yet and only this machine is answered",
        )

    def handle(self, *args: Any, **options: Any) -> None:
        if options["welcome"]:
            if settings.ONLY_THIS_MACHINE and not Practice.objects.exists():
                demo.fill()
            self.stdout.write(_welcome())
            return
        document = demo.make()
        self.stdout.write(json.dumps(document, indent=2) if options["json"] else _told(document))


def _welcome() -> str:
    base = f"http://127.0.0.1:{settings.PORT}"
    if not demo.exists():
        return WELCOME_BARE.format(base=base, mail=_mail(), next=_next(base))
    logins = [
        f"         {SEES[who]:41}login {login['username']}, password {login['password']}"
        for who, login in accounts.renew_logins().items()
    ]
    return WELCOME.format(
        base=base,
        exact=GROUPS["exact"].id,
        range=GROUPS["range"].id,
        key=accounts.issue_key("full", "welcome"),
        location=GROUPS["exact"].offices[0].id,
        now=f"{timezone.now():%Y-%m-%dT%H:%MZ}",
        logins="\n".join(logins),
        mail=_mail(),
    )


def _next(base: str) -> str:
    """Say what to do first where nobody has begun."""
    if Practice.objects.exists():
        return ""
    operators = get_user_model().objects.filter(is_superuser=True, is_active=True)
    return NEXT.format(base=base) + ("" if operators.exists() else WITHOUT_OPERATOR) + "\n"


def _mail() -> str:
    if settings.EMAIL_URL:
        return f"is sent by {settings.EMAIL_HOST}, from {settings.EMAIL_FROM}"
    folder = os.path.relpath(settings.EMAIL_FILE_PATH)
    return f"is written to files in {folder} (EMAIL_URL sends it)"


def _told(document: dict[str, Any]) -> str:
    lines = ["Practices"]
    lines += [f"  {name:14}{part['id']}" for name, part in document["practices"].items()]
    lines.append("API keys, shown this once")
    lines += [f"  {name:14}{key}" for name, key in document["keys"].items()]
    lines.append("Logins to the admin")
    lines += [
        f"  {name:14}{login['username']}  {login['password']}"
        for name, login in document["staff"].items()
    ]
    return "\n".join(lines)
