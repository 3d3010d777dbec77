"""Say what is wrong with this installation, and what to do."""

import sys
from typing import Any

from django.core.checks import WARNING
from django.core.management.base import BaseCommand

from openchair import doctor


class Command(BaseCommand):
    """Ends with 1 where something is to be mended, with 0 where all is well."""

    help = "Says in sentences what is wrong with this installation, and what to do."
    requires_system_checks: list[str] = []  # they are among what it tells

    def handle(self, *args: Any, **options: Any) -> None:
        """Look at everything, and tell."""
        found = list(doctor.findings())
        for finding in found:
            self.stdout.write(f"{finding.msg}\n    {finding.hint or ''}\n    ({finding.id})\n\n")
        wrong = [finding for finding in found if finding.level >= WARNING]
        if wrong:
            self.stdout.write(f"{len(wrong)} to be mended.")
            sys.exit(1)
        self.stdout.write("All is well." if not found else "Nothing has to be mended.")
