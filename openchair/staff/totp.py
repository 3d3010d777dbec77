"""Time-based one-time passwords (RFC 6238): SHA-1, 6 digits, 30 seconds, as all apps have them."""

import base64
import hmac
import secrets
from urllib.parse import quote, urlencode

SECONDS = 30
WINDOW = 1
"""How many steps a code may be early or late: clocks differ, and typing takes time."""


def new_secret() -> str:
    """Return 160 random bits in base32, as they are typed into an app."""
    return base64.b32encode(secrets.token_bytes(20)).decode()


def code_at(secret: str, step: int) -> str:
    """Return the code of a step, the number of 30 seconds since 1970 (RFC 4226, section 5.3)."""
    digest = hmac.digest(base64.b32decode(secret), step.to_bytes(8, "big"), "sha1")
    offset = digest[-1] & 15
    number = int.from_bytes(digest[offset : offset + 4], "big") & 0x7FFFFFFF
    return f"{number % 1_000_000:06}"


def step_of(secret: str, code: str, now: float) -> int | None:
    """Return the step whose code this is, of those allowed now (seconds since 1970), or None."""
    steps = range(int(now) // SECONDS - WINDOW, int(now) // SECONDS + WINDOW + 1)
    found = [step for step in steps if hmac.compare_digest(code_at(secret, step), code)]
    return found[-1] if found else None


def uri(secret: str, *, account: str, issuer: str) -> str:
    """Return the address that an app reads from a QR code."""
    label = quote(f"{issuer}:{account}", safe="")
    return f"otpauth://totp/{label}?{urlencode({'secret': secret, 'issuer': issuer})}"
