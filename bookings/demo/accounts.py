"""The demo's API keys, and its logins to the admin."""

import secrets
import string
from datetime import timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.utils import timezone

from bookings.demo.practices import GROUPS, PARTNERS
from practices.models import ApiKey, Membership, Partner

KEY_LASTS = timedelta(days=30)
PEOPLE = {"exact": "demo-acme", "range": "demo-abc", "operator": "demo-operator"}
"""Usernames by the practice that the person works for; the operator sees all."""
_LETTERS = 4


def issue_key(name: str, label: str) -> str:
    """Issue an API key of a partner in PARTNERS, valid for KEY_LASTS; return its text."""
    partner = Partner.objects.get(pk=PARTNERS[name][0])
    expires_at = timezone.now() + KEY_LASTS
    return ApiKey.objects.issue(partner, label=label, expires_at=expires_at)[1]


def issue_keys(partners: dict[str, Partner]) -> dict[str, str]:
    """Issue the keys of the contract's document; return their texts by name."""
    texts = {name: issue_key(name, "demo") for name in PARTNERS if name != "harbor"}
    texts["full_second"] = issue_key("full", "demo, second")
    now = timezone.now()
    revoked, texts["revoked"] = ApiKey.objects.issue(partners["full"], label="demo, revoked")
    revoked.revoked_at = now
    expired, texts["expired"] = ApiKey.objects.issue(partners["full"], label="demo, expired")
    expired.created_at = now - timedelta(days=2)
    expired.expires_at = now - timedelta(days=1)
    ApiKey.objects.bulk_update([revoked, expired], ["revoked_at", "created_at", "expires_at"])
    return texts


def person(who: str, *, username: str = "") -> Any:
    """Return the account of somebody in PEOPLE, made without a password if it is missing."""
    user, is_new = get_user_model().objects.get_or_create(username=username or PEOPLE[who])
    if is_new:
        user.is_staff = True
        user.is_superuser = who == "operator"
        user.set_unusable_password()
        user.save()
        if who in GROUPS:
            Membership.objects.create(user=user, practice_id=GROUPS[who].id)
    return user


def renew_logins() -> dict[str, dict[str, str]]:
    """Give everybody in PEOPLE a new password; return the logins."""
    return {who: _login(person(who)) for who in PEOPLE}


def new_logins() -> dict[str, dict[str, str]]:
    """Make accounts like those of PEOPLE, with letters behind the names; return the logins.

    No password that was told before stops working.
    """
    letters = "".join(secrets.choice(string.ascii_lowercase) for _ in range(_LETTERS))
    return {who: _login(person(who, username=f"{name}-{letters}")) for who, name in PEOPLE.items()}


def _login(user: Any) -> dict[str, str]:
    password = secrets.token_urlsafe(12)
    user.set_password(password)
    user.save()
    return {"username": user.get_username(), "password": password}
