"""nginx with deploy/nginx.conf, in front of application hosts of a test."""

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server import ROOT, until_it_listens

SHIPPED = (ROOT / "deploy" / "nginx.conf").read_text()


def program() -> str:
    """Return nginx's path; skip where there is none."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    if found is None:
        assert not os.environ.get("CI"), "CI has an nginx"
        pytest.skip("no nginx on this machine (Debian, Ubuntu: apt-get install it)")
    return found


def configured(home: Path, hosts: Sequence[str], *, http: str, https: str, api_timeout: int) -> str:
    """Write deploy/nginx.conf for these hosts and addresses, its files in `home`."""
    fails = "max_fails=2 fail_timeout=5s"
    shipped_hosts = [f"server 10.0.0.1{number}:8000 {fails};" for number in (1, 2)]
    temporary = "".join(
        f"\n    {kind}_temp_path {home}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    text = SHIPPED
    for shipped, here in {
        "user www-data;": "daemon off;\nuser root;" if os.geteuid() == 0 else "daemon off;",
        "worker_processes auto;": "worker_processes 2;",
        "/run/nginx.pid": f"{home}/pid",
        "/var/log/nginx/": f"{home}/",
        "http {": f"http {{{temporary}",
        shipped_hosts[0]: "\n".join(f"server {host} {fails};" for host in hosts),
        shipped_hosts[1]: "",
        "listen 80;": f"listen {http};",
        "listen 443 ssl;": f"listen {https} ssl;",
        "/etc/ssl/openchair/": f"{home}/",
        "proxy_read_timeout 10s;": f"proxy_read_timeout {api_timeout}s;",
    }.items():
        assert shipped in text, f"deploy/nginx.conf no longer says {shipped!r}"
        text = text.replace(shipped, here)
    return text


def certify(home: Path) -> None:
    """Make a self-signed certificate."""
    openssl = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    files = ["-nodes", "-keyout", f"{home}/privkey.pem", "-out", f"{home}/fullchain.pem"]
    named = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*openssl, *files, *named], check=True, capture_output=True)


@contextmanager
def running_nginx(
    hosts: Sequence[str],
    *,
    http: int,
    https: int,
    inside: Sequence[str] = (),
    at: str = "127.0.0.1",
    api_timeout: int = 10,
) -> Iterator[Path]:
    """Run it in front of these hosts (address:port); return the directory of its logs.

    inside: the beginning of a command that runs the rest in another network.
    api_timeout: seconds that a host has for an answer of the API; 10 as shipped.
    """
    nginx = program()
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="openchair-nginx-") as folder:
        home = Path(folder)
        certify(home)
        addresses = {"http": f"{at}:{http}", "https": f"{at}:{https}"}
        text = configured(home, hosts, **addresses, api_timeout=api_timeout)
        (home / "nginx.conf").write_text(text)
        command = [*inside, nginx, "-e", f"{home}/error.log", "-c", f"{home}/nginx.conf"]
        process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        try:
            until_it_listens((at, http), process)
            yield home
        finally:
            process.terminate()
            process.wait(timeout=30)
