"""manage.py reset_second_factor: the way back in for an operator without phone and codes."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from openchair.staff import second_factor


class Command(BaseCommand):
    """Take a person's second factor away; it is recorded in the account's history."""

    help = (
        "Take the second factor of an account away, where nobody can do so in the admin: the "
        "password is then enough, and the person can set another one up. It is recorded."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no account {username}.")
        text = "Removed the second factor on the command line"
        if not second_factor.remove(user, by=user, text=text):
            raise CommandError(f"{username} has no second factor.")
        self.stdout.write(
            f"{username} logs in with the password alone now, and all its sessions have ended. "
            "A lost password: manage.py changepassword."
        )
