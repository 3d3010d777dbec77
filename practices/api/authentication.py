"""API key authentication: the bare key in the Authorization header (contract, section 2).

Finds the key and its partner, and counts the request against the partner's rate limit. On
PostgreSQL one statement does all of it, and runs the view's first query too: every request needs
them, and a round trip costs more than the queries in it (docs/fast-path.md).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connections
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from openchair import rate_limits
from openchair.database.compiled import BoundQuery, CompiledQuery, fetch_all, fetch_together
from practices import keys
from practices.models import ApiKey, OwnSystem, Practice

POLICY = "partner"
WRONG_KEYS = "wrong-keys"
A_MINUTE = timedelta(minutes=1)

_FIND = """
    SELECT k.id, k.prefix, p.id AS partner_id, p.special_authorization, p.all_practices,
           coalesce(k.revoked_at <= %s, FALSE) AS revoked,
           coalesce(k.expires_at <= %s, FALSE) AS expired, NOT p.active AS switched_off,
           k.last_used_at > %s AS noted
    FROM practices_apikey k JOIN practices_partner p ON p.id = k.partner_id
    WHERE k.digest = %s
"""
_FIND_ALONE = f"SELECT found.*, NULL, NULL FROM ({_FIND}) AS found"  # noqa: S608  # all of it ours
_COUNT = rate_limits.count_sql(
    f"""SELECT '{POLICY}:' || partner_id, %s, 1 FROM found
        WHERE NOT (revoked OR expired OR switched_off)"""  # noqa: S608  # all of it ours
)
_FIND_AND_COUNT = f"""
    found AS ({_FIND}), counted AS ({_COUNT}),
    caller AS (SELECT found.*, used, "window" FROM found LEFT JOIN counted ON TRUE)
"""  # noqa: S608  # all of it ours
_ONLY_FIND_AND_COUNT = f"WITH {_FIND_AND_COUNT} SELECT * FROM caller"  # noqa: S608  # all of it ours
_NO_MORE = (
    "This key was revoked: ask the operator for a new one.",
    "This key has expired: ask the operator for a new one.",
    "This key's partner is switched off: ask the operator.",
)
"""The reasons for refusing a key: revoked, expired, or its partner switched off."""
_GRANTED = CompiledQuery(
    lambda partner_id, practice_id: Practice.objects.filter(
        pk=practice_id, partners=partner_id
    ).values_list("pk"),
    partner_id=str,
    practice_id=str,
)
_SYSTEM = CompiledQuery(
    lambda partner_id, practice_id: OwnSystem.objects.filter(
        practice=practice_id, partner=partner_id
    ).values_list("pk"),
    partner_id=str,
    practice_id=str,
)


class KeyRefused(Exception):
    """A key that is unknown or no longer valid; the text has the reason."""


@dataclass(frozen=True, slots=True)
class Caller:
    """A valid key, its partner, and what is left of the partner's rate limit."""

    key_id: int
    prefix: str
    partner_id: str
    special_authorization: bool
    all_practices: bool
    budget: rate_limits.Budget

    def is_granted(self, practice_id: str) -> bool:
        """Whether the partner's grants include this practice."""
        granted = self.all_practices or _GRANTED.first(
            partner_id=self.partner_id, practice_id=practice_id
        )
        return bool(granted)

    def is_system_of(self, practice_id: str) -> bool:
        """Whether the partner is marked as the practice's own system; nothing without the grant."""
        return _SYSTEM.first(partner_id=self.partner_id, practice_id=practice_id) is not None


def find_caller(key: str, now: datetime, *, along: BoundQuery[Any] | None = None) -> Caller:
    """Return the caller with this key, and count the request. Raises KeyRefused.

    Guesses fail at the checksum, before any query.
    along: a query to be run in the same round trip, where the database can.
    """
    if " " in key:
        raise KeyRefused("Send the key bare, without a word such as Bearer before it.")
    is_one = key.isascii() and keys.is_well_formed(key)
    row = _fetch(keys.digest(key), now, along) if is_one else None
    if row is None:
        raise KeyRefused("No such key: an operator of this installation issues keys.")
    key_id, prefix, partner_id, special, all_practices, *state, noted, used, window = row
    for is_so, why in zip(state, _NO_MORE, strict=True):
        if is_so:
            raise KeyRefused(why)
    if used is None:
        budget = rate_limits.spend(POLICY, partner_id, settings.RATE_LIMIT)
    else:
        budget = rate_limits.counted(POLICY, settings.RATE_LIMIT, used, window)
    if not noted:
        _note_use(key_id, now)
    return Caller(key_id, prefix, partner_id, bool(special), bool(all_practices), budget)


def _fetch(digest: str, now: datetime, along: BoundQuery[Any] | None) -> tuple[Any, ...] | None:
    """Return the key's row; the last two columns are NULL where the request was not counted."""
    database = connections[DEFAULT_DB_ALIAS]  # `connection` would look it up each time
    instant = database.ops.adapt_datetimefield_value
    params: list[object] = [instant(now), instant(now), instant(now - A_MINUTE), digest]
    if database.vendor != "postgresql":  # SQLite has no INSERT in a WITH
        rows = fetch_all(_FIND_ALONE, params)
        return rows[0] if rows else None
    params += rate_limits.window_params(settings.RATE_LIMIT)
    if along is not None:
        return fetch_together(_FIND_AND_COUNT, params, row="caller", along=along)
    rows = fetch_all(_ONLY_FIND_AND_COUNT, params)
    return rows[0] if rows else None


def _note_use(key_id: int, now: datetime) -> None:
    """Update last_used_at once a minute at most; more often, every read would be a write."""
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - A_MINUTE)
    ApiKey.objects.filter(stale, pk=key_id).update(last_used_at=now)


class ApiKeyAuthentication(BaseAuthentication):
    """Finds the caller, and limits the wrong keys from an address.

    along: the view's first query, to be run in the same round trip.
    """

    def __init__(self, along: BoundQuery[Any] | None = None) -> None:
        self.along = along

    def authenticate_header(self, request: Request) -> str:
        return 'ApiKey realm="OpenChair"'

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        """Return the caller, as user and as auth. Raises AuthenticationFailed, RateLimitExceeded.

        A partner over RATE_LIMIT is authenticated here and refused by the throttle.
        """
        key = request.META.get("HTTP_AUTHORIZATION", "").strip()
        if not key:
            return None
        try:
            caller = find_caller(key, timezone.now(), along=self.along)
        except KeyRefused as refused:
            raise _wrong_key(request, str(refused)) from None
        return caller, caller


def _wrong_key(request: Request, why: str) -> Exception:
    address = request.META.get("REMOTE_ADDR", "")
    budget = rate_limits.spend_of_any(WRONG_KEYS, address, settings.WRONG_KEY_LIMIT)
    if budget.is_overdrawn:
        return rate_limits.RateLimitExceeded(
            budget, "Too many wrong keys came from this address; a right one still works."
        )
    return AuthenticationFailed(why)
