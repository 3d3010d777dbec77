"""Demo data: practices with two weeks of openings and eight past weeks, partners, keys and logins.

Existing rows are left as they are, so it can be run again: what is missing in the next two weeks is
added. The past weeks, the waiting lists and the proposed times are made once.
"""

from typing import Any

from django.db import transaction

from bookings import walltime
from bookings.demo import accounts, practices, proposed, schedule, waiting, webhooks
from practices.models import Partner, Practice


def exists() -> bool:
    """Whether the database has the demo's practices."""
    return Practice.objects.filter(pk=practices.GROUPS["exact"].id).exists()


@transaction.atomic
def make() -> dict[str, Any]:
    """Create the demo data; return its ids, new keys and new logins (contract, section 5)."""
    partners = fill()
    return {
        "practices": {
            name: {
                "id": group.id,
                "locations": [office.id for office in group.offices],
                "doctors": list(group.doctors),
            }
            for name, group in practices.GROUPS.items()
        },
        "keys": accounts.issue_keys(partners),
        "staff": accounts.new_logins(),
    }


@transaction.atomic
def fill() -> dict[str, Partner]:
    """Create practices, partners and their schedules; return the partners by name."""
    now = walltime.now()
    made = {name: practices.practice(group) for name, group in practices.GROUPS.items()}
    partners = {name: practices.partner(name, made) for name in practices.PARTNERS}
    for name in made:
        schedule.fill(name, partners, now=now)
    for name in ("exact", "range"):
        waiting.fill(name, partners["full"], now=now)
    proposed.fill(now=now)
    webhooks.fill(partners["full"])
    return partners
