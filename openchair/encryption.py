"""Text that must not be read from the database's files: encrypted with the keys of PATIENT_KEYS.

The first key encrypts, all of them decrypt. What is sealed says by which key, so that it can be
known, before anything is served, whether a key is missing.
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
    """Sealed by a key that is not in PATIENT_KEYS, or damaged; answered as a database's failure."""

    def __init__(self) -> None:
        super().__init__("What is known of a patient is sealed by a key that PATIENT_KEYS lacks.")


@dataclass(frozen=True)
class _Ring:
    """The keys in use: their names, what encrypts and decrypts, and keys to find texts by."""

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
    """Derive what tells nothing of the key, nor of what is derived for another purpose."""
    return HKDF(SHA256(), length, salt=None, info=purpose).derive(key.encode())


def _ring() -> _Ring:
    return _ring_of(tuple(settings.PATIENT_KEYS))


def key_names() -> tuple[str, ...]:
    """Name the keys, the one that encrypts first; a name of eight letters is no secret."""
    return _ring().names


def seal(text: str) -> str:
    """Encrypt."""
    return _ring().fernet.encrypt(text.encode()).decode()


def unseal(sealed: str) -> str:
    """Decrypt. Raises UnreadableError."""
    try:
        return _ring().fernet.decrypt(sealed.encode()).decode()
    except InvalidToken:
        raise UnreadableError from None


def digests(kind: str, text: str) -> list[str]:
    """Give by what a text of a kind is found again, under each key; the encrypting one's first."""
    said = f"{kind}\0{text}".encode()
    return [hmac.new(key, said, hashlib.sha256).hexdigest()[:32] for key in _ring().finding]
