"""Which URLs others may have called. Whoever calls one parses it here too: there is one reading."""

import re
from typing import NamedTuple

from django.conf import settings

LONGEST = 500
"""Characters."""
HTTPS = 443

_CHARACTERS = re.compile(r"[A-Za-z0-9._~:/?#\[\]@!$&'()*+,;=%-]*")
_PARTS = re.compile(r"https://([^/?]*)([^#]*)", re.IGNORECASE)
_HOST_AND_PORT = re.compile(r"(\[[^\]]*\]|[^:\[\]]*)(?::([0-9]*))?")
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAME = re.compile(rf"(?=.{{1,253}}\Z){_LABEL}(?:\.{_LABEL})*")
# A name whose last label is a number is read as an IPv4 address, in whatever spelling: 127.1,
# 2130706433, 0x7f.1. No top-level domain is one.
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_PRIVATE = {"arpa", "corp", "home", "internal", "intranet", "lan", "local", "localdomain"}
_PRIVATE |= {"localhost", "private"}
"""Top-level domains that are not in the public DNS, or are not for hosts."""


class Target(NamedTuple):
    """What a URL leads to."""

    host: str  # lower case; of an IPv6 address without brackets
    port: int
    path: str  # and query

    @property
    def is_allowed_private(self) -> bool:
        """Whether the operator allows it to be private."""
        return _as_written(self.host) in settings.WEBHOOK_PRIVATE_HOSTS

    @property
    def authority(self) -> str:
        """The header Host."""
        host = _as_written(self.host)
        return host if self.port == HTTPS else f"{host}:{self.port}"


def _as_written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def check(url: str) -> None:
    """Raise ValueError, with a sentence that says what to write instead, for what is not called."""
    parsed(url)


def parsed(url: str) -> Target:
    """Return what a URL leads to, if it may be called. Raises ValueError as `check` does."""
    if len(url) > LONGEST:
        raise ValueError(f"It has more than {LONGEST} characters: write a shorter one.")
    if not _CHARACTERS.fullmatch(url):
        raise ValueError(
            "It has characters that no URL has: percent-encode spaces and letters outside ASCII, "
            "and write the name of a host as in the DNS (xn--…)."
        )
    parts = _PARTS.match(url)
    if not parts:
        raise ValueError("Write a URL that begins with https://.")
    if "#" in url:
        raise ValueError("Leave out the # and what follows it, which is never sent.")
    if "@" in parts[1]:
        raise ValueError("Leave out user and password: the signature says who calls.")
    match = _HOST_AND_PORT.fullmatch(parts[1])
    if not match:
        raise ValueError("Write host and port as in https://hooks.example.com:8443/openchair.")
    host, path = match[1].lower(), parts[2] if parts[2].startswith("/") else f"/{parts[2]}"
    target = Target(host.strip("[]"), _port(match[2]), path)
    if not target.is_allowed_private:
        _check_name(host)
    return target


def _port(text: str | None) -> int:
    port = int(text[:6]) if text else HTTPS
    if port != HTTPS and not 1024 <= port <= 65_535:
        raise ValueError("Leave out the port, or write 443 or one from 1024 to 65535.")
    return port


def _check_name(host: str) -> None:
    last = host.removesuffix(".").rpartition(".")[2]
    if host.startswith("[") or _NUMBER.fullmatch(last):
        raise ValueError("Write the name of a host, not an IP address.")
    if not _NAME.fullmatch(host):
        raise ValueError(
            "Write a host as in https://hooks.example.com/openchair: letters, digits and hyphens, "
            "with single dots between."
        )
    if host == last or last in _PRIVATE:
        raise ValueError(
            "Write a host that is public: this name has a meaning in a private network alone. "
            "(The operator can allow it, by WEBHOOK_PRIVATE_HOSTS.)"
        )
