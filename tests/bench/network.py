"""Network namespaces as machines of one network; only for root, on Linux."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

NET = "198.18"
"""What is set aside for benchmarks (RFC 2544): nobody's own network."""


class NotPermitted(Exception):
    """No network can be made here; the text has the reason."""


class Network:
    """A switch with machines on it, and this machine too.

    Names of interfaces have room for 15 characters.
    """

    def __init__(self, machines: Sequence[str]) -> None:
        self.tag = f"oc{os.getpid() % 100_000}"
        self.prefix = f"{NET}.{os.getpid() % 250}"
        self.machines = machines

    @property
    def whole(self) -> str:
        """The network, as pg_hba.conf writes it."""
        return f"{self.prefix}.0/24"

    @property
    def here(self) -> str:
        """This machine's own address in it."""
        return f"{self.prefix}.254"

    def address(self, machine: str) -> str:
        """Return a machine's address."""
        return f"{self.prefix}.{self.machines.index(machine) + 1}"

    def inside(self, machine: str, *, user: int | None = None, group: int = 0) -> list[str]:
        """Return the beginning of a command that runs on a machine, as root or another user."""
        somebody = [] if user is None else [f"--setuid={user}", f"--setgid={group}"]
        return ["nsenter", f"--net=/run/netns/{self._space(machine)}", *somebody, "--"]

    def make(self) -> None:
        """Make the bridge, machines and links. Raises RuntimeError."""
        self._ip("netns", "add", self._space("switch"))
        self._on("switch", "link", "add", "bridge", "type", "bridge")
        self._on("switch", "link", "set", "bridge", "up")
        for machine in self.machines:
            self._ip("netns", "add", self._space(machine))
            cable = ["type", "veth", "peer", "name", "eth0", "netns", self._space(machine)]
            self._on("switch", "link", "add", machine, *cable)
            self._on(machine, "link", "set", "lo", "up")
            self._on(machine, "addr", "add", f"{self.address(machine)}/24", "dev", "eth0")
            self._on(machine, "link", "set", "eth0", "up")
            self._plug(machine)
        cable = ["type", "veth", "peer", "name", "here", "netns", self._space("switch")]
        self._ip("link", "add", self.tag, *cable)
        self._ip("addr", "add", f"{self.here}/24", "dev", self.tag)
        self._ip("link", "set", self.tag, "up")
        self._plug("here")

    def _plug(self, port: str) -> None:
        self._on("switch", "link", "set", port, "master", "bridge")
        self._on("switch", "link", "set", port, "up")

    def cut(self, machine: str) -> None:
        """Take a machine's link down: no connection is told."""
        self._on("switch", "link", "set", machine, "down")

    def mend(self, machine: str) -> None:
        """Take the link up again."""
        self._on("switch", "link", "set", machine, "up")

    def kill(self, machine: str) -> int:
        """Kill -9 everything on a machine; return how many processes there were."""
        killed = 0
        deadline = time.monotonic() + 30
        while pids := self._ip("netns", "pids", self._space(machine)).split():
            for pid in pids:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)
                    killed += 1
            if time.monotonic() > deadline:
                raise AssertionError(f"{machine} does not die")
            time.sleep(0.02)
        return killed

    def remove(self) -> None:
        """Remove everything, however far `make` came."""
        for machine in (*self.machines, "switch"):
            if Path("/run/netns", self._space(machine)).exists():
                self.kill(machine)
                self._ip("netns", "del", self._space(machine))
        if Path("/sys/class/net", self.tag).exists():  # its other end was in the switch
            self._ip("link", "del", self.tag)

    def _space(self, machine: str) -> str:
        return f"{self.tag}-{machine}"

    def _on(self, machine: str, *arguments: str) -> str:
        return self._ip("-n", self._space(machine), *arguments)

    def _ip(self, *arguments: str) -> str:
        done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
        if done.returncode:
            raise RuntimeError(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
        return done.stdout


@contextmanager
def network(*machines: str) -> Iterator[Network]:
    """Make a network, and remove it whatever happens. Raises NotPermitted."""
    if os.geteuid() != 0:
        raise NotPermitted("network namespaces are made by root alone")
    for program, package in (("ip", "iproute2"), ("nsenter", "util-linux")):
        if shutil.which(program) is None:
            raise NotPermitted(f"{program} is missing (Debian, Ubuntu: apt-get install {package})")
    made = Network(machines)
    try:
        try:
            made.make()
        except RuntimeError as error:
            raise NotPermitted(str(error)) from None
        yield made
    finally:
        made.remove()
