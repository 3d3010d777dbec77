"""API keys as texts: how they are made, recognised and stored (docs/adr/0009-keys.md).

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
    """Write the CRC-32 of the body as six letters and digits."""
    rest = zlib.crc32(body.encode())
    digits = []
    for _ in range(6):
        rest, digit = divmod(rest, len(_ALPHABET))
        digits.append(_ALPHABET[digit])
    return "".join(reversed(digits))


def new_key() -> str:
    """Make a key, to be shown once."""
    body = PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(32))
    return body + _checksum(body)


def is_well_formed(key: str) -> bool:
    """Say whether the checksum fits, so that a typing slip or a guess costs no look-up."""
    return key.startswith(PREFIX) and len(key) == 41 and _checksum(key[:-6]) == key[-6:]


def digest(key: str) -> str:
    """Give the SHA-256 under which a key is stored, in hex."""
    return hashlib.sha256(key.encode()).hexdigest()
