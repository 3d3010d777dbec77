"""Who really calls, where a proxy that the operator trusts says so (TRUSTED_PROXIES).

Without such a proxy X-Forwarded-* is what anybody can write, and has no effect.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import Any

from django.conf import settings

from openchair import env

REQUEST_START = "HTTP_X_REQUEST_START"
"""Where environ has the proxy's X-Request-Start, if it came from a trusted one."""


def settle(environ: dict[str, Any]) -> None:
    """Put the client's address and scheme into REMOTE_ADDR and wsgi.url_scheme.

    The address is the rightmost of X-Forwarded-For that is no trusted proxy's: further left is
    what the client wrote. Where something there is no address, the last proxy known is the client.
    X-Request-Start of anybody but a trusted proxy is removed.
    """
    if not settings.TRUSTED_PROXIES:
        environ.pop(REQUEST_START, None)
        return
    peer = _address(environ.get("REMOTE_ADDR", ""))
    # gunicorn knows no address of who comes over a unix socket, and gives an empty one.
    known = peer or env.UNIX_SOCKET
    for hop in reversed(environ.get("HTTP_X_FORWARDED_FOR", "").split(",")):
        if not is_among(known, settings.TRUSTED_PROXIES):
            break
        address = _address(hop)
        if address is None:
            break
        known = address
    if is_among(peer or env.UNIX_SOCKET, settings.TRUSTED_PROXIES):
        said = environ.get("HTTP_X_FORWARDED_PROTO", "").split(",")
        if all(scheme.strip().lower() == "https" for scheme in said):
            environ["wsgi.url_scheme"] = "https"
    else:
        environ.pop(REQUEST_START, None)
    environ["REMOTE_ADDR"] = known


def is_among(address: str, networks: Iterable[env.Network]) -> bool:
    """Say whether an address, or whoever comes over a unix socket and has none, is in these."""
    known = _address(address)
    if known is None:
        return env.UNIX_SOCKET in networks
    parsed = _parsed(known)
    return any(not isinstance(network, str) and parsed in network for network in networks)


# Few proxies and partners call again and again: parsing their addresses anew took a twentieth of a
# request.
_parsed = lru_cache(maxsize=1024)(ip_address)


@lru_cache(maxsize=1024)
def _address(text: str) -> str | None:
    """Read an address as proxies write it, some with a port; None where it is none.

    One client has one name: an IPv4 address that came over an IPv6 socket is itself again.
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
