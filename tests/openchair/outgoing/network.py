"""A network of its own, in which public addresses are this machine's and a DNS server is ours.

    unshare --mount --net python -m tests.openchair.outgoing.network

calls names there as a webhook does, and writes as JSON what came of each. The system's own
resolver asks the DNS server, so nothing of the product is replaced.
"""

import json
import os
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from ipaddress import IPv4Address, ip_address
from pathlib import Path
from typing import Any

from openchair.outgoing import posting
from tests.receiver import Call, Does, Receiver, authority, receiving

PUBLIC, CLOSED, SILENT, SLOW = (f"93.184.216.{number}" for number in (34, 35, 36, 37))
"""A receiver; nobody who listens; a server that does not connect; one that takes a second to."""
VICTIM = "127.0.0.1"
"""A server that partners must not reach."""
PORT, UNHEARD, MUTE = 8443, "unheard.example", "mute.example"
NAMES: dict[str, list[list[str]] | None] = {
    "public.example": [[PUBLIC]],
    "rebinding.example": [[PUBLIC], [VICTIM]],
    "kept.example": [[PUBLIC], [VICTIM]],
    "private.example": [[VICTIM]],
    "mixed.example": [[PUBLIC, VICTIM]],
    "mixed6.example": [[PUBLIC, "fd00::1"]],
    "mapped.example": [["::ffff:7f00:1"]],
    "fails-over.example": [[CLOSED, PUBLIC]],
    "waits.example": [[SILENT, PUBLIC]],
    "closed.example": [[CLOSED]],
    MUTE: [[SLOW]],
    "redirects.example": [[PUBLIC]],
    "search.example.corp.example": [[PUBLIC]],
    UNHEARD: None,
    "emr.internal": [[VICTIM]],
}
"""What a name leads to, at the first look-up and at those that follow; None: it is not told."""
A, AAAA = 1, 28


class Names:
    """A DNS server at the only place where a resolver looks for one: port 53."""

    def __init__(self) -> None:
        self.asked: Counter[tuple[str, int]] = Counter()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            question, whom = self._socket.recvfrom(512)
            if (answer := self._answer(question)) is not None:
                self._socket.sendto(answer, whom)

    def _answer(self, message: bytes) -> bytes | None:
        number, end, labels = message[:2], 12, []
        while length := message[end]:
            labels.append(message[end + 1 : end + 1 + length].decode())
            end += 1 + length
        kind = int.from_bytes(message[end + 1 : end + 3], "big")
        question, name = message[12 : end + 5], ".".join(labels).lower()
        self.asked[name, kind] += 1
        if name not in NAMES:
            return number + struct.pack(">HHHHH", 0x8183, 1, 0, 0, 0) + question  # NXDOMAIN
        if (answers := NAMES[name]) is None:
            return None
        addresses = answers[min(self.asked[name, kind], len(answers)) - 1]
        found = [each for each in map(ip_address, addresses) if kind == _kind(each)]
        head = number + struct.pack(">HHHHH", 0x8180, 1, len(found), 0, 0)
        records = (
            b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(each.packed)) + each.packed
            for each in found
        )
        return head + question + b"".join(records)


def _kind(address: Any) -> int:
    return A if isinstance(address, IPv4Address) else AAAA


def may_be_made() -> bool:
    """Whether this user may make such a network here."""
    if os.geteuid() != 0 or not all(map(shutil.which, ("unshare", "ip"))):
        return False
    trial = ["unshare", "--mount", "--net", "ip", "link", "set", "lo", "up"]
    return subprocess.run(trial, check=False, capture_output=True).returncode == 0


def outcomes() -> dict[str, Any]:
    """Make such a network; return what came of each call there, and of all."""
    command = ["unshare", "--mount", "--net", sys.executable, "-m", __name__]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "openchair.settings",
        "WEBHOOK_PRIVATE_HOSTS": "emr.internal",
        # Which calls of webhooks have nothing to do with.
        **dict.fromkeys(("HTTPS_PROXY", "https_proxy", "ALL_PROXY"), "http://127.0.0.1:9"),
    }
    said: dict[str, Any] = json.loads(subprocess.check_output(command, env=environment))
    return said


# Within it -------------------------------------------------------------------------------------


def _call(receiver: posting.Receiver) -> int | str:
    try:
        return receiver.post(b"{}", {}).status
    except posting.Unreached as unreached:
        return str(unreached)


def _to(name: str) -> posting.Receiver:
    return posting.Receiver(f"https://{name}:{PORT}/hook")


def _once(name: str) -> int | str:
    with _to(name) as receiver:
        return _call(receiver)


def _connect(listening: socket.socket) -> None:
    """Let in all who wait and come, and say nothing to them."""
    them = []
    while True:
        them.append(listening.accept())


def _timed(name: str) -> list[int | str | float]:
    began = time.monotonic()
    return [_once(name), time.monotonic() - began]


def _lay(folder: Path) -> None:
    """Have this machine answer at the public addresses, and its resolver ask our server."""
    for command in (
        "ip link set lo up",
        *(f"ip address add {each}/32 dev lo" for each in (PUBLIC, CLOSED, SILENT, SLOW)),
    ):
        subprocess.run(command.split(), check=True)
    for name, text in (
        ("resolv.conf", "nameserver 127.0.0.1\nsearch corp.example\n"),
        ("nsswitch.conf", "hosts: files dns\n"),
    ):
        (folder / name).write_text(text)
        subprocess.run(["mount", "--bind", folder / name, f"/etc/{name}"], check=True)


def _full(address: str) -> tuple[socket.socket, list[socket.socket]]:
    """Listen, with so many who wait already that whoever comes next is not heard."""
    listening, waiting = socket.create_server((address, PORT), backlog=0), []
    for _ in range(3):
        waiting.append(socket.socket())
        waiting[-1].setblocking(False)
        waiting[-1].connect_ex((address, PORT))
    return listening, waiting


def _answer(call: Call) -> Does:
    to_the_victim = {"Location": f"https://emr.internal:{PORT}/hook"}
    redirects = call.headers["host"].startswith("redirects.")
    return Does(302, to_the_victim) if redirects else Does()


def _outcomes(names: Names, public: Receiver, victim: Receiver) -> dict[str, Any]:
    public.otherwise = _answer
    told: dict[str, Any] = {}
    for name in ("public.example", "rebinding.example"):
        told[name] = [_once(name), _once(name)]
    with _to("kept.example") as receiver:
        told["kept.example"] = [_call(receiver), _call(receiver)]
        public.close_connections()
        told["kept.example"].append(_call(receiver))
    posting.TO_CONNECT = 1.5
    _silent, (slow, _waiting) = _full(SILENT), _full(SLOW)
    for name in [*NAMES, "search.example"]:
        if name not in {*told, MUTE, UNHEARD}:
            told[name] = _once(name)
    later = threading.Timer(0.5, _connect, (slow,))  # whoever was not heard tries again after 1 s
    later.daemon = True
    later.start()
    told[MUTE] = _timed(MUTE)
    posting.SECONDS = 1
    told[UNHEARD] = _timed(UNHEARD)
    return {
        "told": told,
        "public": Counter(call.headers["host"].partition(":")[0] for call in public.calls),
        "victim": Counter(call.headers["host"].partition(":")[0] for call in victim.calls),
        "asked": Counter(name for name, kind in names.asked.elements() if kind == A),
    }


if __name__ == "__main__":
    os.environ["SSL_CERT_FILE"] = str(authority())
    with tempfile.TemporaryDirectory() as folder:
        _lay(Path(folder))
        with (
            receiving(*NAMES, host=PUBLIC, port=PORT) as public,
            receiving(*NAMES, host=VICTIM, port=PORT) as victim,
        ):
            json.dump(_outcomes(Names(), public, victim), sys.stdout)
