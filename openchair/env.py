"""Environment variables as settings; each reader raises ImproperlyConfigured for a bad value."""

import base64
import binascii
import os
import re
import secrets
import sys
from collections.abc import Callable
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

import dj_database_url
from django.core.exceptions import ImproperlyConfigured, ValidationError
from django.core.validators import validate_email

MINUTE = 60
PERIODS = {"sec": 1, "min": MINUTE, "hour": 60 * MINUTE, "day": 24 * 60 * MINUTE}
THIS_MACHINE = ["localhost", "127.0.0.1", "[::1]"]
UNIX_SOCKET = "unix"
Network = IPv4Network | IPv6Network | str


def flag(name: str, *, default: bool) -> bool:
    """Read an on/off setting: 1, true, yes, on or 0, false, no, off."""
    text = os.environ.get(name, "").strip().lower()
    if not text:
        return default
    if text in {"1", "true", "yes", "on"}:
        return True
    if text in {"0", "false", "no", "off"}:
        return False
    raise ImproperlyConfigured(f"{name} is {text!r}: write on or off.")


def number(name: str, *, default: int, least: int = 1, most: int = 1_000_000_000) -> int:
    """Read a whole number from least to most."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    digits = text.isascii() and text.isdigit() and len(text) < 20
    if not digits or not least <= int(text) <= most:
        raise ImproperlyConfigured(
            f"{name} is {text!r}: write a whole number from {least} to {most}."
        )
    return int(text)


def rate(name: str, *, default: str) -> tuple[int, int]:
    """Read a rate such as 600/min: how many, and per how many seconds."""
    text = os.environ.get(name, "").strip() or default
    count, _, period = text.partition("/")
    digits = count.isascii() and count.isdigit() and len(count) < 10
    if not digits or int(count) < 1 or period not in PERIODS:
        raise ImproperlyConfigured(
            f"{name} is {text!r}: write a number, a slash and one of {', '.join(PERIODS)}; "
            f"{default} for example."
        )
    return int(count), PERIODS[period]


def hosts(name: str) -> list[str]:
    """Read host names, separated by commas; by default those of this machine."""
    names = [part.strip() for part in os.environ.get(name, "").split(",") if part.strip()]
    for host in names:
        # Django compares hosts without the port, so a name with one would never match.
        if "/" in host or " " in host or (":" in host and not host.endswith("]")):
            raise ImproperlyConfigured(
                f"{name} has {host!r}: write bare host names separated by commas, "
                "openchair.example,www.openchair.example for example."
            )
    return names or THIS_MACHINE


def networks(name: str) -> list[Network]:
    """Read addresses and networks, separated by commas; `unix` is a client on a unix socket."""
    found: list[Network] = []
    for part in filter(None, (each.strip() for each in os.environ.get(name, "").split(","))):
        try:
            found.append(part if part == UNIX_SOCKET else ip_network(part))
        except ValueError:
            raise ImproperlyConfigured(
                f"{name} has {part!r}: write addresses and networks separated by commas, "
                "127.0.0.1,10.1.0.0/16,fd00::/8 for example (a network ends in zeros), or unix "
                "for whoever comes over a unix socket."
            ) from None
    return found


def token(name: str) -> str:
    """Read a secret; empty if it is not set."""
    text = os.environ.get(name, "")
    if text and (len(text) < 20 or len(set(text)) < 5 or not re.fullmatch(r"[!-~]+", text)):
        raise ImproperlyConfigured(
            f"{name} is too weak: write at least 20 random characters without spaces, made by "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(30))'."
        )
    return text


def choice(name: str, *, default: str, of: tuple[str, ...]) -> str:
    """Read one of some words."""
    text = os.environ.get(name, "").strip().lower() or default
    if text not in of:
        raise ImproperlyConfigured(f"{name} is {text!r}: write {', '.join(of[:-1])} or {of[-1]}.")
    return text


def log_format(name: str) -> str:
    """Read json or text; by default text if standard error is a terminal."""
    text = os.environ.get(name, "").strip().lower()
    if text not in {"", "json", "text"}:
        raise ImproperlyConfigured(f"{name} is {text!r}: write json or text.")
    return text or ("text" if sys.stderr is not None and sys.stderr.isatty() else "json")


def database(name: str, *, embedded: Path) -> dict[str, object]:
    """Read the database's URL as a Django configuration; by default the SQLite file `embedded`."""
    url = os.environ.get(name, "").strip() or f"sqlite:///{embedded}"
    scheme = url.partition(":")[0]
    if scheme not in {"sqlite", "postgres", "postgresql"}:
        raise ImproperlyConfigured(
            f"{name} begins with {scheme!r}: write postgres://user:password@host:5432/name "
            "or sqlite:////path/to/file."
        )
    try:
        config: dict[str, object] = dict(dj_database_url.parse(url))
    except ValueError as error:
        # The URL itself may hold a password, so it is not repeated.
        raise ImproperlyConfigured(
            f"{name} cannot be read ({type(error).__name__}): write "
            "postgres://user:password@host:5432/name, with special characters percent-encoded; "
            "several hosts as postgres://user:password@/name?host=host1,host2&port=5432,5432"
            "&target_session_attrs=read-write."
        ) from None
    if config["NAME"] in {"", ":memory:"}:
        raise ImproperlyConfigured(
            f"{name} names no database: write postgres://user:password@host:5432/name "
            "or sqlite:////path/to/file."
        )
    return config


def mail_server(name: str) -> dict[str, Any]:
    """Read a mail server's URL as Django's settings EMAIL_*; empty if it is not set.

    smtp: STARTTLS is required, but for a server on this machine, which is spoken to in clear.
    smtps: TLS from the first byte.
    """
    text = os.environ.get(name, "").strip()
    if not text:
        return {}
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        url, port = None, None
    if url is None or url.scheme not in {"smtp", "smtps"} or not _is_of_mail(url):
        # It may hold a password, so it is not repeated.
        raise ImproperlyConfigured(
            f"{name} cannot be read: write smtp://user:password@host:587 (STARTTLS) or "
            "smtps://user:password@host:465 (TLS), with special characters percent-encoded."
        )
    is_tls, is_here = url.scheme == "smtps", url.hostname in {"localhost", "127.0.0.1", "::1"}
    return {
        "EMAIL_HOST": url.hostname,
        "EMAIL_PORT": port or (465 if is_tls else 25 if is_here else 587),
        "EMAIL_HOST_USER": unquote(url.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(url.password or ""),
        "EMAIL_USE_SSL": is_tls,
        "EMAIL_USE_TLS": not is_tls and not is_here,
    }


def _is_of_mail(url: SplitResult) -> bool:
    """Whether a URL is a host, and both of a login or none; / # and ? end it within a password."""
    is_short = not (url.path.strip("/") or url.query or url.fragment)
    return bool(url.hostname) and is_short and bool(url.username) == bool(url.password)


def mailbox(name: str, *, default: str) -> str:
    """Read a bare e-mail address."""
    text = os.environ.get(name, "").strip()
    if not text:
        return default
    try:
        validate_email(text)
    except ValidationError:
        raise ImproperlyConfigured(
            f"{name} is {text!r}: write one e-mail address, visits@openchair.example for example."
        ) from None
    return text


def public_url(name: str, *, hosts: list[str], port: int, https: bool) -> str:
    """Read where patients reach the server, without a slash at the end.

    By default the first of `hosts` that names one host, or this machine and the port.
    """
    text = os.environ.get(name, "").strip().rstrip("/")
    host = r"https?://([A-Za-z0-9.-]+|\[[0-9a-fA-F:.]+\])(:[0-9]{1,5})?"
    if text and not re.fullmatch(host, text):
        raise ImproperlyConfigured(
            f"{name} is {text!r}: write https://openchair.example, without a path."
        )
    if text:
        return text
    named = next((host for host in hosts if not host.startswith((".", "*"))), "localhost")
    if named in THIS_MACHINE:
        return f"http://127.0.0.1:{port}"
    return f"{'https' if https else 'http'}://{named}"


def private_hosts(name: str) -> frozenset[str]:
    """Read names and addresses of hosts, separated by commas, in lower case."""
    hosts = [each.strip().lower() for each in os.environ.get(name, "").split(",")]
    for host in filter(None, hosts):
        if not re.fullmatch(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]", host):
            raise ImproperlyConfigured(
                f"{name} has {host!r}: write bare names or addresses of hosts separated by commas, "
                "emr.clinic.internal,10.0.0.7,[fd00::7] for example."
            )
    return frozenset(filter(None, hosts))


def proxy(name: str) -> SplitResult | None:
    """Read the URL of a proxy; None if it is not set."""
    text = os.environ.get(name, "").strip().rstrip("/")
    if not text:
        return None
    match = re.fullmatch(r"http://(?:[A-Za-z0-9._-]+|\[[0-9a-fA-F:.]+\]):([0-9]{1,5})", text)
    if not match or not 1 <= int(match[1]) <= 65_535:
        # It may hold a password, so it is not repeated.
        raise ImproperlyConfigured(
            f"{name} cannot be read: write http://proxy.example:4750, without user and path."
        )
    return urlsplit(text)


def secret_key(name: str, *, kept_in: Path, local: bool) -> str:
    """Read the signing key; an installation for this machine only makes and stores its own.

    kept_in: the file (mode 0600) for its random key, so that all worker processes and the next
    start share it.
    """
    text = os.environ.get(name, "")
    if text:
        return _strong(name, text)
    if not local:
        raise ImproperlyConfigured(
            f"{name} is needed where ALLOWED_HOSTS names other machines: write 50 or more random "
            "characters, made by python3 -c 'import secrets; print(secrets.token_urlsafe(50))'."
        )
    return _kept(kept_in, lambda: secrets.token_urlsafe(50))


def old_secret_keys(name: str) -> list[str]:
    """Read former signing keys, separated by commas: their signatures are still accepted."""
    texts = (part.strip() for part in os.environ.get(name, "").split(","))
    return [_strong(name, text) for text in texts if text]


def _strong(name: str, key: str) -> str:
    # Django's security.W009, here for a start without `manage.py check --deploy`.
    if len(key) < 50 or len(set(key)) < 5:
        raise ImproperlyConfigured(
            f"{name} is too weak: write at least 50 random characters, made by "
            "python3 -c 'import secrets; print(secrets.token_urlsafe(50))'."
        )
    return key


def _kept(kept_in: Path, make: Callable[[], str]) -> str:
    """Read the key that this installation made for itself; make it if there is none."""
    kept_in.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = kept_in.with_name(f"{kept_in.name}.{os.getpid()}")
    try:
        if not kept_in.exists():
            made.touch(mode=0o600)
            made.write_text(make())
            # A link, because it fails if another process was first: two keys must never be in use.
            os.link(made, kept_in)
    except FileExistsError:
        pass
    finally:
        made.unlink(missing_ok=True)
    return kept_in.read_text()


_MAKE_PATIENT_KEY = (
    "python3 -c 'import base64, secrets; "
    "print(base64.urlsafe_b64encode(secrets.token_bytes(32)).decode())'"
)
_KEEP_PATIENT_KEY = """\
# Patients' names, phones, addresses and messages are encrypted with this key. Whoever loses it has
# lost them, in every backup too: keep a copy of this file apart from the database and its backups.
"""


def patient_keys(name: str, *, kept_in: Path, local: bool) -> list[str]:
    """Read the keys that encrypt patients' data, separated by commas; the first one encrypts.

    An installation for this machine only makes its own, in the file kept_in.
    """
    text = os.environ.get(name, "").strip()
    if not text and not local:
        raise ImproperlyConfigured(
            f"{name} is needed where ALLOWED_HOSTS names other machines: write the key that "
            f"encrypts patients' data, made by {_MAKE_PATIENT_KEY}, and keep a copy of it."
        )
    if not text:
        text = _kept(kept_in, _made_patient_key)
        text = ",".join(line for line in text.splitlines() if not line.startswith("#"))
    keys = [part.strip() for part in text.split(",") if part.strip()]
    if not keys or not all(_is_patient_key(key) for key in keys) or len(set(keys)) < len(keys):
        # The keys themselves are not repeated.
        raise ImproperlyConfigured(
            f"{name} has to be keys with commas between, each once, of 32 random bytes in base64: "
            f"made by {_MAKE_PATIENT_KEY}."
        )
    return keys


def _made_patient_key() -> str:
    sys.stderr.write(
        "A key that encrypts patients' data was made, in data/patient_keys: whoever loses it has "
        "lost the data. Keep a copy of it, apart from the database and its backups.\n"
    )
    return _KEEP_PATIENT_KEY + base64.urlsafe_b64encode(secrets.token_bytes(32)).decode() + "\n"


def _is_patient_key(text: str) -> bool:
    try:
        key = base64.b64decode(text, altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return False
    return len(key) == 32 and len(set(key)) > 8
