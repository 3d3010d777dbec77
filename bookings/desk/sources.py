"""Where the patients of the booking page came from, in words."""

from collections.abc import Iterable

from django.db.models import Q

from practices.models import Partner, Practice

NOWHERE = "no source"


def words(practice: Practice, sources: Iterable[str | None]) -> dict[str | None, str]:
    """Return what to call each source: a partner by its name, any other as it is.

    Only partners that are granted the practice: anybody can write an id into an address.
    """
    wanted = {*sources}
    granted = Partner.objects.filter(Q(all_practices=True) | Q(practices=practice))
    found = granted.filter(pk__in=wanted - {None}).values_list("pk", "name")
    return {each: each or NOWHERE for each in wanted} | dict(found)
