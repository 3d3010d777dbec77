"""Settings that clash, or let in too much: all that can be told without asking anybody."""

import os
from collections.abc import Iterator
from ipaddress import ip_address

from django.conf import settings
from django.core.checks import CheckMessage, Info, Warning  # noqa: A004  # Django's names

from openchair import env


def is_a_trial() -> bool:
    """Say whether this installation answers this machine alone, as script/run starts it."""
    return set(settings.ALLOWED_HOSTS) <= set(env.THIS_MACHINE)


def findings() -> Iterator[CheckMessage]:
    """Look at the settings of an installation that is more than a trial."""
    if is_a_trial():
        return
    yield from _hosts_and_https()
    yield from _proxies()
    if 4 * (os.cpu_count() or 1) < settings.WEB_CONCURRENCY:
        yield Info(
            f"WEB_CONCURRENCY is {settings.WEB_CONCURRENCY}, on {os.cpu_count()} processors.",
            "More than two workers for each processor only take memory and connections.",
            id="openchair.I107",
        )


def _hosts_and_https() -> Iterator[CheckMessage]:
    if "*" in settings.ALLOWED_HOSTS:
        yield Warning(
            "ALLOWED_HOSTS is *: links in answers can be made to lead anywhere.",
            "Write the names under which partners and staff reach it.",
            id="openchair.W101",
        )
    if not settings.HTTPS_ONLY:
        yield Warning(
            "HTTPS_ONLY is off while other machines are answered: keys, passwords and patients' "
            "data can travel in clear.",
            "Put a proxy that speaks HTTPS in front, and leave HTTPS_ONLY out.",
            id="openchair.W102",
        )


def _proxies() -> Iterator[CheckMessage]:
    trusted = settings.TRUSTED_PROXIES
    over_socket = settings.BIND.startswith("unix:")
    if settings.HTTPS_ONLY and not trusted:
        yield Warning(
            "HTTPS_ONLY is on and TRUSTED_PROXIES names nobody: every request counts as plain "
            "HTTP, and is refused.",
            "Name your proxy in TRUSTED_PROXIES: 127.0.0.1 if it is on this machine, unix if it "
            "comes over a unix socket.",
            id="openchair.W103",
        )
    elif over_socket and settings.HTTPS_ONLY and env.UNIX_SOCKET not in trusted:
        yield Warning(
            "BIND is a unix socket, and TRUSTED_PROXIES does not name unix: what comes over the "
            "socket counts as plain HTTP.",
            "Add unix to TRUSTED_PROXIES.",
            id="openchair.W104",
        )
    narrowest = {4: 8, 6: 32}
    wide = [
        each
        for each in trusted
        if not isinstance(each, str) and each.prefixlen < narrowest[each.version]
    ]
    if wide:
        yield Warning(
            f"TRUSTED_PROXIES has {wide[0]}: whoever calls from there can claim to be anybody.",
            "Name the addresses of your proxies, or the network that only they are in.",
            id="openchair.W105",
        )
    if not over_socket and _is_public(settings.BIND) and not settings.HTTPS_ONLY:
        yield Warning(
            f"BIND is {settings.BIND}: whoever reaches this machine speaks plain HTTP to it.",
            "Listen on 127.0.0.1 or on a unix socket, behind a proxy that speaks HTTPS.",
            id="openchair.W108",
        )


def _is_public(bind: str) -> bool:
    address = ip_address(bind.rpartition(":")[0].strip("[]"))
    return address.is_unspecified or not address.is_private
