"""Client address and scheme from X-Forwarded-*, where a trusted proxy sent it (TRUSTED_PROXIES).

From any other client these headers can be forged, and have no effect.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.conf import settings

from openchair import env

REQUEST_START = "HTTP_X_REQUEST_START"
"""The key in environ of X-Request-Start, present only if a trusted proxy sent it."""


def settle(environ: dict[str, Any]) -> None:
    """Set REMOTE_ADDR and wsgi.url_scheme to the client's address and scheme.

    The address is the rightmost of X-Forwarded-For that is not a trusted proxy's: the client wrote
    those further left. At an entry that is no address, the last known proxy counts as the client.
    X-Request-Start is removed unless a trusted proxy sent it.
    """
    if not settings.TRUSTED_PROXIES:
        environ.pop(REQUEST_START, None)
        return
    # gunicorn passes an empty address for a client on a unix socket.
    known = _address(environ.get("REMOTE_ADDR", "")) or env.UNIX_SOCKET
    if is_among(known, settings.TRUSTED_PROXIES):
        known = _client(known, environ.get("HTTP_X_FORWARDED_FOR", ""))
        said = environ.get("HTTP_X_FORWARDED_PROTO", "").split(",")
        if all(scheme.strip().lower() == "https" for scheme in said):
            environ["wsgi.url_scheme"] = "https"
    else:
        environ.pop(REQUEST_START, None)
    environ["REMOTE_ADDR"] = known


def _client(known: str, forwarded_for: str) -> str:
    for hop in reversed(forwarded_for.split(",")):
        address = _address(hop)
        if address is None:
            break
        known = address
        if not is_among(known, settings.TRUSTED_PROXIES):
            break
    return known


def is_among(address: str, networks: Iterable[env.Network]) -> bool:
    """Whether an address is in these networks; none at all means a client on a unix socket."""
    known = _address(address)
    if known is None:
        return env.UNIX_SOCKET in networks
    parsed = _parsed(known)
    return any(not isinstance(network, str) and parsed in network for network in networks)


# The same few proxies and partners call again and again: parsing each time took a twentieth of a
# request.
_parsed = lru_cache(maxsize=1024)(ip_address)


@lru_cache(maxsize=1024)
def _address(text: str) -> str | None:
    """Parse an address as proxies write it, some with a port; None for any other text.

    An IPv4 address that came over an IPv6 socket is returned as IPv4, so that a client has one
    name.
    """
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        parsed = ip_address(text)
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address):
        if parsed.scope_id is not None:  # free text
            return None
        parsed = parsed.ipv4_mapped or parsed
    return str(parsed)
