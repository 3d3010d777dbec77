"""What is in the database that should not be, or is about to end."""

import zoneinfo
from collections.abc import Iterator
from datetime import timedelta

from django.contrib.auth import get_user_model
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004  # Django's names
from django.db.models import Q
from django.utils import timezone

from bookings.demo import GROUPS
from openchair.operations.clashes import is_a_trial
from practices.models import ApiKey, Location, Practice

SOON = timedelta(days=14)


def findings() -> Iterator[CheckMessage]:
    """Look at the rows."""
    yield from _zones()
    if is_a_trial():
        return
    yield from _demo()
    yield from _keys()


def _zones() -> Iterator[CheckMessage]:
    known = zoneinfo.available_timezones()
    for name in Location.objects.values_list("timezone", flat=True).distinct():
        if name not in known:
            where = Location.objects.filter(timezone=name).values_list("id", flat=True)
            yield Error(
                f"Python does not know the time zone of the location {', '.join(where)}.",
                "Update the time zones (tzdata), or choose another zone in the admin.",
                id="openchair.E140",
            )


def _demo() -> Iterator[CheckMessage]:
    people = get_user_model().objects.filter(username__startswith="demo-", is_active=True)
    if people.exists():
        yield Error(
            f"The people of the demo can log in: {', '.join(p.get_username() for p in people)}.",
            "Switch them off in the admin, under Users.",
            id="openchair.E141",
        )
    ids = [group.id for group in GROUPS.values()]
    shown = Practice.objects.filter(pk__in=ids, active=True).values_list("name", flat=True)
    if shown:
        yield Warning(
            f"The demo's practices are shown to partners: {', '.join(shown)}.",
            "Switch them off in the admin, or begin with an empty database.",
            id="openchair.W142",
        )
    if not get_user_model().objects.filter(is_superuser=True, is_active=True).exists():
        yield Warning(
            "Nobody is an operator: no practice can be made, and no key issued in the admin.",
            "Run manage.py createsuperuser.",
            id="openchair.W143",
        )


def _keys() -> Iterator[CheckMessage]:
    """Tell of partners all of whose keys end soon."""
    now = timezone.now()
    works = Q(revoked_at__isnull=True) | Q(revoked_at__gt=now)
    keys = ApiKey.objects.filter(works, partner__active=True).select_related("partner")
    lasting = keys.filter(Q(expires_at__isnull=True) | Q(expires_at__gt=now + SOON))
    ending = keys.filter(expires_at__gt=now, expires_at__lte=now + SOON)
    for key in ending.exclude(partner__in=lasting.values("partner")).order_by("expires_at"):
        yield Warning(
            f"The key {key.prefix}… of {key.partner} expires on {key.expires_at:%Y-%m-%d}, and "
            "the partner has no other that lasts longer.",
            "Issue another one in the admin, and give it to them.",
            id="openchair.W144",
        )
