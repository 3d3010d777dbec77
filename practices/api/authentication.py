"""Who calls: the key, bare, in the Authorization header (contract, section 2)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Q
from django.utils import timezone
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from openchair.api import throttling
from openchair.database.compiled import Prepared, Question
from openchair.database.statements import ask
from practices import keys
from practices.models import ApiKey, Practice

REQUESTS = "partner"
WRONG_KEYS = "wrong-keys"
A_MINUTE = timedelta(minutes=1)

_FIND = """
    SELECT k.id, k.prefix, p.id AS partner_id, p.special_authorization, p.all_practices,
           coalesce(k.revoked_at <= %(now)s, FALSE) AS revoked,
           coalesce(k.expires_at <= %(now)s, FALSE) AS expired, NOT p.active AS switched_off,
           k.last_used_at > %(a_minute_ago)s AS noted
    FROM practices_apikey k JOIN practices_partner p ON p.id = k.partner_id
    WHERE k.digest = %(digest)s
"""
_FIND_ALONE = f"SELECT found.*, NULL, NULL FROM ({_FIND}) AS found"  # noqa: S608  # all of it ours
_COUNT = throttling.counting(
    f"""SELECT '{REQUESTS}:' || partner_id, %(now_ms)s, 1 FROM found
        WHERE NOT (revoked OR expired OR switched_off)"""  # noqa: S608  # all of it ours
)
# Both in one statement, for every request asks both; and with them what the view asks first, in as
# many rows as that has. TRUE tells these from the NULLs that stand for none.
_FIND_AND_COUNT = f"""
    WITH found AS ({_FIND}), counted AS ({_COUNT})
    SELECT found.*, used, "window" FROM found LEFT JOIN counted ON TRUE
"""  # noqa: S608  # all of it ours
_AND_ASK = f"""
    WITH found AS ({_FIND}), counted AS ({_COUNT})
    SELECT found.*, used, "window", asked.* FROM found LEFT JOIN counted ON TRUE
    LEFT JOIN (SELECT TRUE, q.* FROM ({{asked}}) AS q) AS asked ON TRUE
"""  # noqa: S608  # all of it ours
_NO_MORE = (
    "This key was revoked: ask the operator for a new one.",
    "This key has expired: ask the operator for a new one.",
    "This key's partner is switched off: ask the operator.",
)
"""What is said of a key that is revoked, expired, or of a partner switched off."""
_OWN = 11
"""How many columns tell of the key and the count."""
_GRANTED = Prepared(
    lambda partner_id, practice_id: Practice.objects.filter(
        pk=practice_id, partners=partner_id
    ).values_list("pk"),
    partner_id=str,
    practice_id=str,
)


@dataclass(frozen=True, slots=True)
class Caller:
    """A key that works, the partner whose it is, and what is left of the partner's limit."""

    key_id: int
    prefix: str
    partner_id: str
    special_authorization: bool
    all_practices: bool
    budget: throttling.Budget

    def is_granted(self, practice_id: str) -> bool:
        """Say whether the partner may write in this practice, as far as grants go."""
        granted = self.all_practices or _GRANTED.first(
            partner_id=self.partner_id, practice_id=practice_id
        )
        return bool(granted)


class ApiKeyAuthentication(BaseAuthentication):
    """Finds the partner of a key, and slows down who tries keys."""

    def authenticate_header(self, request: Request) -> str:
        """Name the scheme of a 401's WWW-Authenticate."""
        return 'ApiKey realm="OpenChair"'

    def authenticate(self, request: Request) -> tuple[Caller, Caller] | None:
        """Give who calls, and count the request. Raises AuthenticationFailed or Overdrawn."""
        text = request.META.get("HTTP_AUTHORIZATION", "").strip()
        if not text:
            return None
        view = (request.parser_context or {}).get("view")
        caller = find(text, timezone.now(), getattr(view, "asks", None))
        if isinstance(caller, str):
            raise _wrong_key(request, caller)
        return caller, caller


def find(text: str, now: datetime, asks: Question[Any] | None = None) -> Caller | str:
    """Find who calls with this key and count the request, or say why it opens nothing.

    Guesses fail at the checksum, before any look-up. asks: what is asked along, if that can be.
    """
    if " " in text:
        return "Send the key bare, without a word such as Bearer before it."
    is_one = text.isascii() and keys.is_well_formed(text)
    rows = _ask(keys.digest(text), now, asks) if is_one else []
    if not rows:
        return "No such key: an operator of this installation issues keys."
    key_id, prefix, partner_id, special, all_practices, *state, noted, used, window = rows[0][:_OWN]
    for is_so, why in zip(state, _NO_MORE, strict=True):
        if is_so:
            return why
    if used is None:
        budget = throttling.spend(REQUESTS, partner_id, settings.RATE_LIMIT)
    else:
        budget = throttling.counted(REQUESTS, settings.RATE_LIMIT, used, window)
    if not noted:
        _note_use(key_id, now)
    return Caller(key_id, prefix, partner_id, bool(special), bool(all_practices), budget)


def _ask(digest: str, now: datetime, asks: Question[Any] | None) -> list[tuple[Any, ...]]:
    """Look a key up; count the request and ask the question where that can be done at once."""
    instant = connection.ops.adapt_datetimefield_value
    told: dict[str, object] = {
        "digest": digest,
        "now": instant(now),
        "a_minute_ago": instant(now - A_MINUTE),
    }
    if connection.vendor != "postgresql":
        return ask(_FIND_ALONE, told)
    told |= throttling.when(settings.RATE_LIMIT[1])
    if asks is None:
        return ask(_FIND_AND_COUNT, told)
    params = asks.prepared.params(asks.values)
    told |= {f"q{number}": value for number, value in enumerate(params)}
    rows = ask(_asking_along(asks.prepared.sql), told)
    asks.hear([row[_OWN + 1 :] for row in rows if row[_OWN]])
    return rows


@lru_cache(maxsize=100)
def _asking_along(sql: str) -> str:
    """Write the statement that asks this along, its parameters named q0, q1 and so on."""
    first, *others = sql.split("%s")
    named = [f"%(q{number})s{text}" for number, text in enumerate(others)]
    return _AND_ASK.format(asked="".join([first, *named]))


def _wrong_key(request: Request, why: str) -> Exception:
    address = request.META.get("REMOTE_ADDR", "")
    budget = throttling.spend(WRONG_KEYS, address, settings.WRONG_KEY_LIMIT)
    if budget.used == 1:
        throttling.forget_addresses(WRONG_KEYS, settings.WRONG_KEY_LIMIT)
    if budget.is_overdrawn:
        return throttling.Overdrawn(
            budget, "Too many wrong keys came from this address; a right one still works."
        )
    return AuthenticationFailed(why)


def _note_use(key_id: int, now: datetime) -> None:
    """Keep last_used_at to the minute; more often would make every read a write."""
    stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=now - A_MINUTE)
    ApiKey.objects.filter(stale, pk=key_id).update(last_used_at=now)
