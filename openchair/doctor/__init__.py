"""What is wrong with an installation, in sentences that say what to do: `manage.py doctor`.

Each finding is a message of Django's check framework. What can be seen in the settings alone
(openchair/operations/clashes.py) is told by `check --deploy` too; what asks databases, disks and
clocks only here.
"""

from collections.abc import Iterator

from django.core import checks
from django.core.checks import CheckMessage

from openchair.doctor import contents, database, machine
from openchair.operations.clashes import is_a_trial

# What follows from HTTPS_ONLY, of which openchair.W102 tells in our own words.
SAID_ALREADY = {"security.W004", "security.W008", "security.W012", "security.W016"}


def findings() -> Iterator[CheckMessage]:
    """Look at everything; what cannot be looked at because of a finding is left out."""
    # Django's own checks, and ours of the code; those for a deployment where this is one.
    for found in checks.run_checks(include_deployment_checks=not is_a_trial()):
        if not found.is_silenced() and found.id not in SAID_ALREADY:
            yield found
    yield from machine.findings()
    unreachable = list(database.unreachable())
    yield from unreachable
    if unreachable:
        return
    yield from database.findings()
    missing = list(database.missing_migrations())
    yield from missing
    if not missing:
        yield from contents.findings()
