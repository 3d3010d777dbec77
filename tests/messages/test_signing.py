"""Signatures of webhooks, verified as a partner does: by Standard Webhooks' own libraries.

That of PyPI, and that of npm with what it needs: files of the npm packages standardwebhooks 1.1.1
(MIT, as its package.json says), @stablelib/base64 1.0.1 (MIT) and fast-sha256 1.3.0 (Unlicense),
unaltered. They run in Node.
"""

import base64
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from django.utils import timezone
from standardwebhooks import Webhook

from bookings.messages.webhooks import signing
from tests.conftest import only_once_on_sqlite

pytestmark = only_once_on_sqlite

OF_NPM = Path(__file__).parent / "standardwebhooks-1.1.1"
VERIFY = f"""
const {{Webhook}} = require({json.dumps(str(OF_NPM))});
const verified = ([secret, body, headers]) => {{
  try {{ new Webhook(secret).verify(Buffer.from(body, "base64"), headers); return true; }}
  catch (error) {{ return false; }}
}};
console.log(JSON.stringify(JSON.parse(require("fs").readFileSync(0)).map(verified)));
"""
BODY = '{"type":"booking.changed","data":{"practice":"Dr. Núñez","sequence":7}}'.encode()
NEW, OLD, OTHER = signing.new_secret(), signing.new_secret(), signing.new_secret()


@dataclass(frozen=True)
class Message:
    """What a receiver gets, and the secret that it has."""

    secret: str
    body: bytes
    headers: dict[str, str]


def by_pypi(messages: list[Message]) -> list[bool]:
    return [_is_verified(each) for each in messages]


def _is_verified(message: Message) -> bool:
    try:
        Webhook(message.secret).verify(message.body, message.headers)
    except Exception:  # of a wrong encoding it raises another
        return False
    return True


def by_npm(messages: list[Message]) -> list[bool]:
    if not (shutil.which("node") or os.environ.get("CI")):
        pytest.skip("there is no node on this machine")
    sent = [(each.secret, base64.b64encode(each.body).decode(), each.headers) for each in messages]
    said: list[bool] = json.loads(
        subprocess.check_output(["node", "-e", VERIFY], input=json.dumps(sent), text=True)
    )
    return said


Verify = Callable[[list[Message]], list[bool]]
both = pytest.mark.parametrize("verify", [by_pypi, by_npm])


def headers(*by: str, seconds_ago: int = 0) -> dict[str, str]:
    at = timezone.now() - timedelta(seconds=seconds_ago)
    return signing.headers("msg_2f4Dr", at, BODY, by)


@both
def test_it_is_accepted_with_the_secret_that_the_partner_has(verify: Verify) -> None:
    ours, rotating = headers(NEW), headers(NEW, OLD)
    messages = [
        Message(secret, BODY, each) for each in (ours, rotating) for secret in (NEW, OLD, OTHER)
    ]
    assert verify(messages) == [True, False, False, True, True, False]


@both
def test_it_is_refused_when_it_is_sent_again_later(verify: Verify) -> None:
    messages = [Message(NEW, BODY, headers(NEW, seconds_ago=ago)) for ago in (240, 360, -360)]
    assert verify(messages) == [True, False, False]


@both
@pytest.mark.parametrize("by", [(NEW,), (NEW, OLD)], ids=["one secret", "two secrets"])
def test_it_is_refused_with_any_one_byte_changed(verify: Verify, by: tuple[str, ...]) -> None:
    ours = headers(*by)
    changed = [
        *(Message(NEW, body, ours) for body in _each_changed(BODY)),
        *(
            Message(NEW, BODY, {**ours, name: other.decode("latin-1")})
            for name in ("webhook-id", "webhook-timestamp")
            for other in _each_changed(ours[name].encode())
        ),
        *(Message(NEW, BODY, {**ours, "webhook-signature": other}) for other in _forged(ours)),
    ]
    assert verify([Message(NEW, BODY, ours), *changed]) == [True] + [False] * len(changed)
    assert len(changed) > 110


def _each_changed(sent: bytes) -> Iterator[bytes]:
    for place, byte in enumerate(sent):
        yield sent[:place] + bytes([byte ^ 1]) + sent[place + 1 :]


def _forged(ours: dict[str, str]) -> Iterator[str]:
    """Change each byte of the signature, and of its version."""
    first, *others = ours["webhook-signature"].split()
    version, signature = first.split(",")
    for other in _each_changed(base64.b64decode(signature)):
        yield " ".join([f"{version},{base64.b64encode(other).decode()}", *others])
    yield " ".join([f"v2,{signature}", *others])
