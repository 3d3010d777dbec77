"""Idempotency keys: a POST with an Idempotency-Key that is sent twice is carried out once.

IETF draft-ietf-httpapi-idempotency-key-header; contract, section 4.

The answer is stored in the transaction of the change, so a crash leaves both or neither. A refusal
by the state (409) is stored as well: the request was carried out as far as it could be. A request
that was itself wrong (400, 403, 404, 412, 415) or came at a bad moment (401, 429, 503) changed
nothing and is not stored: it may be corrected and sent again with its key.
"""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from django.db import connection, transaction
from django.http.response import HttpResponse, HttpResponseBase
from django.utils import timezone
from rest_framework.exceptions import APIException, ParseError
from rest_framework.request import Request

from openchair import encryption
from openchair.api.models import KeptAnswer
from openchair.errors import Refused

KEPT_FOR = timedelta(hours=24)
_SWEPT_AT_ONCE = 50
_FORM = re.compile(r'"(?P<quoted>[\x20\x21\x23-\x7e]{1,255})"|(?P<bare>[\x21\x23-\x7e]{1,255})')


class KeyReused(APIException):
    """The key was sent before with another request (422)."""

    status_code = 422
    default_detail = (
        "This Idempotency-Key came before with another path or body: a retry repeats the request "
        "as it was, a new request takes a new key."
    )


def idempotent(action: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """Decorate an ApiViewSet's action: a POST with a key runs once, then its answer is repeated."""

    @wraps(action)
    def once(view: Any, request: Request, *args: Any, **kwargs: Any) -> HttpResponseBase:
        said = request.META.get("HTTP_IDEMPOTENCY_KEY")
        if request.method != "POST" or said is None:
            return action(view, request, *args, **kwargs)
        key, fingerprint = _key(said), _fingerprint(request.get_full_path_info(), view.body)
        with transaction.atomic():
            _claim(view.caller.partner_id, key)
            kept = _kept(view.caller.partner_id, key)
            if kept is not None:
                return _repeat(kept, fingerprint)
            response = _carry_out(view, lambda: action(view, request, *args, **kwargs))
            _keep(view.caller.partner_id, key, fingerprint, response)
        return response

    return once


def _key(said: str) -> str:
    """Parse the key, in quotation marks as in the draft or without."""
    form = _FORM.fullmatch(said.strip())
    if form is None:
        raise ParseError("An Idempotency-Key has 1 to 255 printable ASCII characters: a UUID, say.")
    return form["quoted"] or form["bare"]


def _fingerprint(path: str, body: dict[str, Any]) -> str:
    """Return a hash of path, with its query, and body; the JSON's layout does not matter."""
    told = json.dumps([path, body], sort_keys=True)
    return hashlib.sha256(told.encode()).hexdigest()


def _claim(partner_id: str, key: str) -> None:
    """Raise Refused while a request with this key is running; the lock ends with the transaction.

    SQLite runs one such transaction at a time: there the second one has waited for the first, and
    repeats its answer.
    """
    if connection.vendor != "postgresql":
        return
    name = hashlib.blake2b(f"{partner_id}:{key}".encode(), digest_size=8).digest()
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", [int.from_bytes(name, signed=True)])
        (is_ours,) = cursor.fetchone()
    if not is_ours:
        raise Refused(
            "still_running",
            "The first request with this Idempotency-Key is still running: ask again shortly.",
        )


def _kept(partner_id: str, key: str) -> KeptAnswer | None:
    """Return the answer stored under a key, if it is not older than KEPT_FOR."""
    since = timezone.now() - KEPT_FOR
    return KeptAnswer.objects.filter(partner_id=partner_id, key=key, kept_at__gt=since).first()


def _repeat(kept: KeptAnswer, fingerprint: str) -> HttpResponse:
    asked, body = json.loads(encryption.unseal(kept.sealed))
    if asked != fingerprint:
        raise KeyReused
    return HttpResponse(body, status=kept.status, headers=kept.headers)


def _carry_out(view: Any, act: Callable[[], HttpResponseBase]) -> HttpResponse:
    """Run the action in a savepoint and return its answer, which may be a refusal (409)."""
    try:
        with transaction.atomic():
            response = act()
    except Refused as refused:
        response = view.handle_exception(refused)
    assert isinstance(response, HttpResponse)
    return response


def _keep(partner_id: str, key: str, fingerprint: str, response: HttpResponse) -> None:
    KeptAnswer.objects.update_or_create(
        partner_id=partner_id,
        key=key,
        defaults={
            "status": response.status_code,
            "headers": dict(response.items()),
            "sealed": encryption.seal(json.dumps([fingerprint, response.content.decode()])),
            "sealed_by": encryption.key_names()[0],
            "kept_at": timezone.now(),
        },
    )
    _sweep()


def _sweep() -> None:
    """Delete answers older than KEPT_FOR: a few at a time, so that no request pays for all.

    The last step of a request, and without waiting for a row that another one deletes.
    """
    old = KeptAnswer.objects.filter(kept_at__lte=timezone.now() - KEPT_FOR).order_by("kept_at")
    rows = old.select_for_update(skip_locked=True).values_list("pk", flat=True)[:_SWEPT_AT_ONCE]
    KeptAnswer.objects.filter(pk__in=list(rows)).delete()
