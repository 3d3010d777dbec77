"""Encryption at rest (Fernet) with PATIENT_KEYS, and digests to look patients' data up by.

The first key encrypts, all of them decrypt. Each row records the name of its key, so that a missing
key is detected before anything is served.
"""

import hashlib
import hmac
from dataclasses import dataclass
from functools import lru_cache

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.conf import settings
from django.db import DatabaseError


class UnreadableError(DatabaseError):
    """Encrypted with a key that PATIENT_KEYS lacks, or damaged; answered as a database error."""

    def __init__(self) -> None:
        super().__init__("A row is sealed by a key that PATIENT_KEYS lacks.")


@dataclass(frozen=True)
class _Ring:
    """The keys in use: their names, the cipher, and a key for digests derived from each."""

    names: tuple[str, ...]
    fernet: MultiFernet
    finding: tuple[bytes, ...]


@lru_cache(maxsize=4)
def _ring_of(keys: tuple[str, ...]) -> _Ring:
    return _Ring(
        names=tuple(_derived(key, b"openchair key name", 4).hex() for key in keys),
        fernet=MultiFernet([Fernet(key) for key in keys]),
        finding=tuple(_derived(key, b"openchair find by digest", 32) for key in keys),
    )


def _derived(key: str, purpose: bytes, length: int) -> bytes:
    """Derive a key (HKDF) that reveals nothing of `key`, nor of keys derived for other purposes."""
    return HKDF(SHA256(), length, salt=None, info=purpose).derive(key.encode())


def _ring() -> _Ring:
    return _ring_of(tuple(settings.PATIENT_KEYS))


def key_names() -> tuple[str, ...]:
    """Return the keys' names, the encrypting one's first; a name, of 8 letters, is no secret."""
    return _ring().names


def seal(text: str) -> str:
    """Encrypt with the first key."""
    return _ring().fernet.encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Decrypt with whichever key fits. Raises UnreadableError."""
    try:
        return _ring().fernet.decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise UnreadableError from None


def digests(kind: str, text: str) -> list[str]:
    """Return the digests that a text is looked up by, one per key, the encrypting key's first.

    HMAC-SHA256, 32 hexadecimal digits. kind: equal texts of two kinds have different digests.
    """
    said = f"{kind}\0{text}".encode()
    return [hmac.new(key, said, hashlib.sha256).hexdigest()[:32] for key in _ring().finding]


def derive(kind: str, text: str) -> list[bytes]:
    """Return, for each key, 32 bytes that only who has the key can derive from the text."""
    said = f"{kind}\0{text}".encode()
    return [hmac.digest(key, said, "sha256") for key in _ring().finding]


def numbers(kind: str, scope: str, *texts: str) -> list[list[int]]:
    """Return, for each key, the `digests` of texts as signed integers of 64 bits.

    scope: a practice's id, so that what two practices know cannot be compared.
    """
    said = [f"{kind}\0{scope}\0{text}".encode() for text in texts]
    return [
        [int.from_bytes(hmac.digest(key, each, "sha256")[:8], "big", signed=True) for each in said]
        for key in _ring().finding
    ]
