"""Which network addresses are public. By lists of our own where `is_global` says too much: it holds
for multicast, for addresses that carry another one in them (NAT64, 6to4), and by Python's version.
"""

from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_network,
)

_OF_IPV4 = {
    "192.0.0.0/24": "kept for protocols",
    "192.88.99.0/24": "a relay of 6to4",
    "168.63.129.16/32": "the machine's host at Azure",
}
_PUBLIC_IPV6 = IPv6Network("2000::/3")
_OF_IPV6 = {
    "2001::/23": "kept for protocols, Teredo among them",
    "2001:db8::/32": "for documentation",
    "2002::/16": "6to4, which carries an IPv4 address",
    "3fff::/20": "for documentation",
}
_REFUSED: dict[IPv4Network | IPv6Network, str] = {
    ip_network(network): why for network, why in {**_OF_IPV4, **_OF_IPV6}.items()
}


def refusal(address: IPv4Address | IPv6Address) -> str | None:
    """Return why an address may not be connected to, in a few words; None if it may be."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        return refusal(address.ipv4_mapped)
    for network, why in _REFUSED.items():
        if address in network:
            return why
    if isinstance(address, IPv6Address):
        return None if address in _PUBLIC_IPV6 else "not public"
    is_public = address.is_global and not address.is_multicast and not address.is_reserved
    return None if is_public else "not public"
