"""API keys as texts: generation, checksum and hash (docs/adr/0009-keys.md).

A key is `oc_`, 32 random letters and digits (190 bits) and 6 of checksum. Only its SHA-256 is
stored: at this entropy a slow hash would protect nothing and cost every request.
"""

import hashlib
import secrets
import string
import zlib

_ALPHABET = string.digits + string.ascii_letters
PREFIX = "oc_"
PREFIX_SHOWN = 9


def _checksum(body: str) -> str:
    """Return the CRC-32 of the body as six letters and digits."""
    rest = zlib.crc32(body.encode())
    digits = []
    for _ in range(6):
        rest, digit = divmod(rest, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def new_key() -> str:
    """Return a new random key."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(32))
    return body + _checksum(body)


def is_well_formed(key: str) -> bool:
    """Whether the checksum fits, so that a typing error or a guess costs no query."""
    return key.startswith(PREFIX) and len(key) == 41 and _checksum(key[:-6]) == key[-6:]


def digest(key: str) -> str:
    """Return the SHA-256 of a key, as it is stored, in hexadecimal."""
    return hashlib.sha256(key.encode()).hexdigest()
