"""Which addresses may be connected to."""

from ipaddress import ip_address

import pytest

from openchair.outgoing import addresses
from tests.conftest import only_once_on_sqlite

pytestmark = only_once_on_sqlite

REFUSED = {
    "this network": ["0.0.0.0", "0.1.2.3"],
    "private": ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"],
    "shared by customers of a provider": ["100.64.0.1", "100.100.100.200", "100.127.255.255"],
    "this machine": ["127.0.0.1", "127.255.255.254", "::1", "::"],
    "link-local, metadata": ["169.254.0.1", "169.254.169.254", "169.254.170.2"],
    "metadata elsewhere": ["192.0.0.192", "168.63.129.16", "fd00:ec2::254", "fd20:ce::254"],
    "kept for protocols": ["192.0.0.1", "192.0.0.8", "192.0.0.170"],
    "for documentation": ["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff::1"],
    "for benchmarks": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "a relay": ["192.88.99.1"],
    "multicast": ["224.0.0.1", "239.255.255.250", "ff02::1", "ff0e::1"],
    "reserved, broadcast": ["240.0.0.1", "255.255.255.255"],
    "IPv4-mapped": ["::ffff:127.0.0.1", "::ffff:a9fe:a9fe", "::ffff:10.0.0.1", "::ffff:0.0.0.0"],
    "IPv4-compatible": ["::127.0.0.1", "::7f00:1", "::a9fe:a9fe", "::5db8:d822"],
    "IPv4-translated": ["::ffff:0:7f00:1"],
    "NAT64": ["64:ff9b::a9fe:a9fe", "64:ff9b::5db8:d822", "64:ff9b:1::a00:1"],
    "6to4": ["2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:5db8:d822::1"],
    "Teredo, ORCHID": ["2001::1", "2001:0:5ef5:79fb::1", "2001:20::1"],
    "link-local": ["fe80::1", "fe80::1%eth0", "febf::1"],
    "site-local": ["fec0::1", "feff::1"],
    "unique local": ["fc00::1", "fd12:3456:789a::1"],
    "discarded, segments, unassigned": ["100::1", "5f00::1", "4000::1", "1fff::1"],
}
PUBLIC = ["93.184.216.34", "8.8.8.8", "1.1.1.1", "172.32.0.1", "100.128.0.1", "192.0.1.1"]
PUBLIC += ["198.20.0.1", "223.255.255.254", "2606:4700::1111", "2a00:1450::1", "2001:200::1"]
PUBLIC += ["2001:4860:4860::8888", "2003::1", "::ffff:8.8.8.8"]


@pytest.mark.parametrize("text", [each for several in REFUSED.values() for each in several])
def test_what_is_not_public_is_refused(text: str) -> None:
    assert addresses.refusal(ip_address(text))


@pytest.mark.parametrize("text", PUBLIC)
def test_what_is_public_is_not(text: str) -> None:
    assert addresses.refusal(ip_address(text)) is None
