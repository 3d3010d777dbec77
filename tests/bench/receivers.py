"""Receivers of webhooks, for the webhooks benchmark: a process with a port for each endpoint.

    python -m tests.bench.receivers FOLDER NAME=MANNER ...

FOLDER is for the certificate, which is for localhost. Prints {name: port}; then reads commands
from standard input, a JSON array a line:

    ["secrets", name, [secret, ...]]    what may sign calls of this endpoint
    ["heal"]                            from now on all that are not gone answer 204 at once
    ["report"]                          print what each got, as JSON
"""

import asyncio
import contextlib
import json
import logging
import random
import ssl
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

from tests.messages.smtp import certificate
from tests.server import ROOT, free_port

HEALTHY, GONE = "healthy", "gone"
MANNERS = (
    HEALTHY,
    "dying",  # refuses connections for some seconds, again and again
    "hanging",  # takes a call and never answers
    "mute",  # takes a connection and says nothing, not even TLS
    "moved",  # 301
    GONE,  # 410
    "busy",  # 429 with Retry-After, every other three seconds
    "failing",  # 500 to one call of five
    "large",  # an answer of 10 MB
    "slow",  # an answer of one byte a second
)
_LONG = ("hanging", "large", "slow")
_UP, _DOWN = (3.0, 8.0), (1.0, 4.0)
_BUSY_FOR = 3
_RETRY_AFTER = 2
_NO_CONTENT = b"HTTP/1.1 204 No Content\r\n\r\n"
_MB = 1024 * 1024


@dataclass
class Receiver:
    """What an endpoint got: first arrivals in their order, and everything that should not be."""

    manner: str
    port: int
    context: ssl.SSLContext
    secrets: list[str] = field(default_factory=list)
    calls: int = 0
    in_flight: int = 0
    overlaps: list[float] = field(default_factory=list)
    flaws: list[str] = field(default_factory=list)
    # practice, sequence, booking, appointment, seconds after the change
    first: list[tuple[str, int, str, str | None, float]] = field(default_factory=list)
    seen: set[tuple[str, int]] = field(default_factory=set)
    server: asyncio.Server | None = None
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    async def listen(self) -> None:
        context = None if self.manner == "mute" else self.context
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port, ssl=context)

    def vanish(self) -> None:
        """Refuse connections, and cut off those that are open."""
        assert self.server is not None
        self.server.close()
        for each in self.open:
            each.transport.abort()

    async def die_again_and_again(self) -> None:
        while self.manner == "dying":
            await asyncio.sleep(random.uniform(*_UP))
            self.vanish()
            await asyncio.sleep(random.uniform(*_DOWN))
            await self.listen()

    async def heal(self) -> None:
        if self.manner == GONE:
            return
        was, self.manner = self.manner, HEALTHY
        for each in [*self.open]:
            each.transport.abort()
        if was == "mute":
            self.vanish()
            await self.listen()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open.add(writer)
        try:
            if self.manner == "mute":
                await reader.read()
                return
            while True:
                await self.take_call(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open.discard(writer)
            writer.transport.abort()

    async def take_call(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        request, *lines = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (each.split(": ", 1) for each in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        if self.in_flight:
            self.overlaps.append(time.time())
        # The caller of a large answer hangs up in its midst, and may call again before we know.
        counted = self.manner != "large"
        self.in_flight += counted
        try:
            self.note(request, headers, body)
            if self.manner not in _LONG:
                await self.answer(writer)
                return
            # A caller that is gone has ended its call, whatever we still say.
            answering = asyncio.ensure_future(self.answer(writer))
            gone = asyncio.ensure_future(reader.read(1))
            await asyncio.wait([gone, answering], return_when=asyncio.FIRST_COMPLETED)
            answering.cancel()
            gone.cancel()
            await asyncio.gather(answering, gone, return_exceptions=True)
            raise ConnectionAbortedError
        finally:
            self.in_flight -= counted

    def note(self, request: str, headers: dict[str, str], body: bytes) -> None:
        now = time.time()
        self.calls += 1
        if not request.startswith("POST /hook "):
            self.flaws.append(f"it was sent {request}")
            return
        if self.manner == GONE and self.calls > 1:
            self.flaws.append("it was called again after its 410")
        if not any(_is_signed(secret, body, headers) for secret in self.secrets):
            self.flaws.append(f"{headers['webhook-id']}: no signature that verifies")
        told = json.loads(body)
        data = told["data"]
        one = (data["practice_id"], data["sequence"])
        if one not in self.seen:
            self.seen.add(one)
            late = now - datetime.fromisoformat(told["timestamp"]).timestamp()
            what = (data["booking_id"], data["appointment_id"])
            self.first.append((*one, *what, late))

    async def answer(self, writer: asyncio.StreamWriter) -> None:
        async for part in self.parts():
            writer.write(part)
            await writer.drain()

    async def parts(self) -> AsyncIterator[bytes]:
        if self.manner == "hanging":
            await asyncio.sleep(3600)
        elif self.manner == "moved":
            there = f"https://localhost:{self.port}/moved"
            yield _empty("301 Moved Permanently", f"Location: {there}")
        elif self.manner == GONE:
            yield _empty("410 Gone")
        elif self.manner == "busy" and int(time.time()) // _BUSY_FOR % 2:
            yield _empty("429 Too Many Requests", f"Retry-After: {_RETRY_AFTER}")
        elif self.manner == "failing" and random.random() < 0.2:
            yield _empty("500 Internal Server Error")
        elif self.manner == "large":
            yield f"HTTP/1.1 200 OK\r\nContent-Length: {10 * _MB}\r\n\r\n".encode()
            for _ in range(10):
                yield b"x" * _MB
        elif self.manner == "slow":
            for byte in _empty("200 OK"):
                yield bytes([byte])
                await asyncio.sleep(1)
        else:
            yield _NO_CONTENT

    def told(self) -> dict[str, Any]:
        names = ("calls", "overlaps", "flaws", "first")
        return {name: getattr(self, name) for name in names}


def _empty(status: str, *lines: str) -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *lines, "Content-Length: 0", "", ""]).encode()


def _is_signed(secret: str, body: bytes, headers: dict[str, str]) -> bool:
    try:
        Webhook(secret).verify(body, headers)
    except WebhookVerificationError:
        return False
    return True


async def obey(receivers: dict[str, Receiver]) -> None:
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        command, *rest = json.loads(line)
        if command == "secrets":
            receivers[rest[0]].secrets = rest[1]
        elif command == "heal":
            await asyncio.gather(*(each.heal() for each in receivers.values()))
        said = {name: each.told() for name, each in receivers.items()} if command == "report" else 0
        sys.stdout.write(json.dumps(said) + "\n")
        sys.stdout.flush()


async def run(folder: Path, manners: dict[str, str]) -> None:
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)  # of connections that break
    context, _ = certificate(folder, "localhost")
    receivers = {name: Receiver(manner, free_port(), context) for name, manner in manners.items()}
    for each in receivers.values():
        await each.listen()
    sys.stdout.write(json.dumps({name: each.port for name, each in receivers.items()}) + "\n")
    sys.stdout.flush()
    dying = [
        asyncio.ensure_future(each.die_again_and_again())
        for each in receivers.values()
        if each.manner == "dying"
    ]
    await obey(receivers)
    for task in dying:
        task.cancel()


class Receivers:
    """The process of the receivers."""

    def __init__(self, folder: str, manners: dict[str, str]) -> None:
        named = [f"{name}={manner}" for name, manner in manners.items()]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.receivers", folder, *named],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ports: dict[str, int] = self._said()

    def _said(self) -> Any:
        assert self.process.stdout is not None
        return json.loads(self.process.stdout.readline())

    def tell(self, *command: Any) -> Any:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()
        return self._said()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(run(Path(sys.argv[1]), dict(each.split("=") for each in sys.argv[2:])))
