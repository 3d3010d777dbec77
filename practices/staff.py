"""Which practices a person of the staff works for: what every page of the admin is narrowed by."""

from typing import Any

from practices.models import Practice


def practices_of(user: Any) -> list[Practice]:
    """List the practices that a person may see and work in, by name; an operator's are all.

    Asked once a request: the answer is kept on the user, who is read anew for every request.
    """
    if not hasattr(user, "_practices"):
        user._practices = _read(user)
    found: list[Practice] = user._practices
    return found


def _read(user: Any) -> list[Practice]:
    if not (user.is_active and user.is_staff):
        return []
    everything = Practice.objects.all()
    return list(everything if user.is_superuser else everything.filter(memberships__user=user))
