"""Which URLs a partner may have called, and what is said of others."""

from typing import Any

import pytest

from openchair.outgoing import urls
from openchair.outgoing.urls import Target
from tests.conftest import only_once_on_sqlite

pytestmark = only_once_on_sqlite

REFUSED = {
    "begins with https://": """
        http://hooks.example.com/ ftp://hooks.example.com/ file:///etc/passwd //hooks.example.com
        hooks.example.com https:hooks.example.com https:/hooks.example.com gopher://a.example/_""",
    "not an IP address": """
        https://93.184.216.34/ https://127.0.0.1/ https://169.254.169.254/latest/meta-data/
        https://2130706433/ https://017700000001/ https://0177.0.0.1/ https://0x7f000001/
        https://0x7F.1/ https://127.1/ https://0/ https://127.0.0.1./ https://1.2.3.4.5/
        https://[::1]/ https://[::ffff:127.0.0.1]/ https://[fe80::1%25eth0]/ https://[::]:8443/
        https://[64:ff9b::a9fe:a9fe]/ https://0x/""",
    "user and password": """
        https://me:secret@hooks.example.com/ https://me@hooks.example.com/
        https://hooks.example.com@127.0.0.1/ https://@hooks.example.com/
        https://hooks.example.com:443@169.254.169.254/""",
    "the port": """
        https://hooks.example.com:22/ https://hooks.example.com:25/ https://hooks.example.com:80/
        https://hooks.example.com:1023/ https://hooks.example.com:65536/
        https://hooks.example.com:0/ https://hooks.example.com:99999999999/""",
    "what follows it": "https://hooks.example.com/#top https://hooks.example.com#@127.0.0.1/",
    "a host that is public": """
        https://localhost/ https://LOCALHOST:8443/ https://intranet/ https://metadata/
        https://instance-data/ https://printer.local/ https://emr.internal/
        https://metadata.google.internal/computeMetadata/ https://nas.lan/ https://router.home.arpa/
        https://mail.corp/ https://a.localhost/ https://localhost.localdomain/""",
    "letters, digits and hyphens": """
        https:/// https://:8443/ https://hooks..example.com/ https://.example.com/
        https://hooks.example.com./ https://localhost./ https://-a.example.com/
        https://a_b.example.com/ https://hooks.example.com%00.evil.example/ https://%6c.example/
        https://$(id).example/ https://*.example.com/""",
    "host and port as": """
        https://a.example:b/ https://a.example:1:2/ https://[::1/ https://::1/ https://[::1]x/""",
    "characters that no URL has": """
        https://hooks.example.com\\@127.0.0.1/ https://bücher.example/ https://127。0。0。1/
        https://hooks\uff0eexample.com/ https://①②⑦.example/ https://hooks.example.com/é
        https://hooks.example.com/{id} https://hooks.example.com/"x" https://l\u043ecalhost/""",
}
ODD = [
    " https://hooks.example.com/",
    "https://hooks.example.com/\r\nHost: a",
    "https://a.example/\0",
]
ODD += [
    "https://a.example/\tb",
    "https://a.example/ b",
    "https://a.exam\u00adple/",
    "https://\u200ba.b",
]


@pytest.mark.parametrize(
    ("said", "url"),
    [
        *((said, url) for said, several in REFUSED.items() for url in several.split()),
        *(("characters that no URL has", url) for url in ODD),
        ("write a shorter one", f"https://hooks.example.com/{'a' * 500}"),
        ("letters, digits and hyphens", f"https://{'a' * 64}.example.com/"),
        ("letters, digits and hyphens", f"https://{'a.' * 130}com/"),
    ],
)
def test_what_is_not_called_is_refused_with_what_to_write(said: str, url: str) -> None:
    with pytest.raises(ValueError, match=said):
        urls.check(url)


@pytest.mark.parametrize(
    ("url", "target"),
    {
        "https://hooks.example.com": ("hooks.example.com", 443, "/"),
        "https://hooks.example.com:443/": ("hooks.example.com", 443, "/"),
        "https://hooks.example.com:/a": ("hooks.example.com", 443, "/a"),
        "HTTPS://Hooks.Example.COM:8443/In/?a=b&c[]=%20": (
            "hooks.example.com",
            8443,
            "/In/?a=b&c[]=%20",
        ),
        "https://hooks.example.com?a=b": ("hooks.example.com", 443, "/?a=b"),
        "https://a.example:1024/b@c:d": ("a.example", 1024, "/b@c:d"),
        "https://xn--bcher-kva.example/": ("xn--bcher-kva.example", 443, "/"),
        "https://0x7f.1.example.com:65535/": ("0x7f.1.example.com", 65535, "/"),
        "https://internal.example.com/": ("internal.example.com", 443, "/"),
    }.items(),
)
def test_what_is_called_is_read_in_one_way(url: str, target: tuple[str, int, str]) -> None:
    assert urls.parsed(url) == target


def test_the_host_is_told_with_a_port_that_is_not_the_usual_one() -> None:
    assert Target("a.example", 443, "/").authority == "a.example"
    assert Target("fd00::7", 8443, "/").authority == "[fd00::7]:8443"


def test_the_operator_allows_private_ones_by_name(settings: Any) -> None:
    settings.WEBHOOK_PRIVATE_HOSTS = {"emr", "emr.clinic.internal", "10.0.0.7", "[fd00::7]"}
    for host in ("emr", "EMR.clinic.internal", "10.0.0.7", "[fd00::7]"):
        urls.check(f"https://{host}:8443/hook")
    for url in (
        "https://emr2/",
        "https://10.0.0.8/",
        "http://emr/",
        "https://emr:80/",
        "https://10.7/",
        "https://[fd00:0::7]/",
    ):
        with pytest.raises(ValueError, match=r"Write|Leave out"):
            urls.check(url)
