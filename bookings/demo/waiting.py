"""The demo's waiting lists: families that wait, one put first, one paused, one with an offer.

All but the last, which is offered something at once, want what hardly ever becomes free: whoever
publishes openings in the demo finds them open.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from bookings import walltime
from bookings.demo import accounts
from bookings.demo.practices import GROUPS
from bookings.models import Task, WaitlistEntry
from bookings.patients.record import Patient
from bookings.scheduling import bookings
from bookings.scheduling.actors import PATIENT, Actor
from bookings.scheduling.waitlist import entries
from bookings.scheduling.waitlist.entries import Wishes
from practices.models import Partner, Practice


class _Family(NamedTuple):
    """A patient (first and last name, guardian, phone), and the names of the others."""

    first: str
    last: str
    guardian: str
    phone: str
    others: Sequence[str] = ()

    @property
    def patient(self) -> Patient:
        email = f"{self.last.lower()}@example.com"
        return Patient(self.first, self.last, email, self.phone, self.guardian)


_FAMILIES = {
    "exact": (
        _Family("Oskar", "Brandt", "Eva Brandt", "212 555 0181", ["Ida", "Nils"]),
        _Family("June", "Calloway", "Ruth Calloway", "917 555 0182", ["Otis"]),
        _Family("Emil", "Varga", "Judit Varga", "646 555 0183"),
        _Family("Talia", "Stern", "Noa Stern", "332 555 0184"),
        _Family("Hugo", "Lambert", "Claire Lambert", "929 555 0185"),
    ),
    "range": (
        _Family("Selma", "Nystrom", "Karin Nystrom", "312 555 0186", ["Axel", "Vera"]),
        _Family("Rory", "Gallagher", "Maeve Gallagher", "773 555 0187", ["Una"]),
        _Family("Inês", "Tavares", "Rita Tavares", "872 555 0188"),
        _Family("Felix", "Hartmann", "Greta Hartmann", "331 555 0189"),
        _Family("Pilar", "Ochoa", "Elena Ochoa", "312 555 0190"),
    ),
}


def fill(name: str, partner: Partner, *, now: datetime) -> None:
    """Put families on the list of a practice in GROUPS, unless somebody has been on it before.

    partner: the one that put two of them there.
    """
    practice = Practice.objects.get(pk=GROUPS[name].id)
    if WaitlistEntry.objects.filter(practice=practice).exists():
        return
    first, second, paused, put_first, offered = _FAMILIES[name]
    today = walltime.wall_clock(now, practice.locations.all()[0].zone).date()
    key = partner.keys.order_by("pk").first()
    assert key is not None  # that of its visits
    by, staff = Actor.of_key(key), Actor.of_staff(accounts.person(name))
    saturday: Wishes = {
        "location_ids": [GROUPS[name].offices[1].id],
        "weekdays": ["sat"],
        "parts": ["late_afternoon"],
    }
    holidays: Wishes = {
        "weekdays": ["fri"],
        "parts": ["early_afternoon"],
        "earliest": today + timedelta(days=60),
        "latest": today + timedelta(days=75),
    }
    soon: Wishes = {
        "earliest": today + timedelta(days=3),
        "latest": today + timedelta(days=10),
    }

    def join(family: _Family, wishes: Wishes, by: Actor, days: int) -> str:
        source = by.partner_id or ""
        others = [(each, family.last) for each in family.others]
        entry = entries.join(
            practice,
            family.patient,
            {**wishes, "people": 1 + len(others)},
            by=by,
            now=now - timedelta(days=days),
            others=others,
            source=source,
        )
        return entry.pk

    join(first, saturday, by, 12)
    join(second, saturday, by, 9)
    entries.pause(entry_id=join(paused, {}, PATIENT, 6), by=staff, now=now)
    entries.put_first(entry_id=join(put_first, holidays, staff, 4), by=staff, now=now)
    join(offered, soon, PATIENT, 1)
    bookings.catch_up(practice_id=practice.pk, now=now)
    # Nobody is there to read it.
    Task.objects.filter(entry__practice=practice).delete()
