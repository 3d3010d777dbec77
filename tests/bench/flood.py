"""Overload benchmark: whether excess requests are refused early, and for how long.

    python -m tests.bench.flood [CONNECTIONS] [SECONDS]

asks for a location ten times a second, before, during and for a while after CONNECTIONS clients
(1000) do the same with no pause, each over a new connection, for SECONDS (10), all through nginx as
deploy/nginx.conf has it; and tells what was answered, how long that took, and how soon answers were
as quick again as before.
"""

import asyncio
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from statistics import quantiles

from tests.bench.slow import behind_nginx
from tests.server import Server, running_server

AFTER = 15.0
"""Seconds of quiet that are looked at afterwards."""


@dataclass
class Seen:
    """Answers: at which second, with which status (0: none), after how many seconds."""

    answers: list[tuple[float, int, float]] = field(default_factory=list)

    def __str__(self) -> str:
        statuses = Counter(status for _, status, _ in self.answers)
        said = ", ".join(f"{number} × {status}" for status, number in sorted(statuses.items()))
        took = quantiles((seconds for _, _, seconds in self.answers), n=100)
        longest = max(seconds for _, _, seconds in self.answers)
        return f"{said}; {took[49]:.3f} s median, {took[98]:.3f} s p99, {longest:.3f} s longest"


async def ask(server: Server, seen: Seen) -> None:
    """Send one request over a new connection, and record the answer."""
    began = time.monotonic()
    status = 0
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        try:
            location = server.demo["practices"]["exact"]["locations"][0]
            fields = f"Host: localhost\r\nAuthorization: {server.key}\r\nConnection: close"
            writer.write(
                f"GET /scheduling/location/{location} HTTP/1.1\r\n{fields}\r\n\r\n".encode()
            )
            answer = await asyncio.wait_for(reader.read(), 60)
            status = int(answer.split(b" ", 2)[1]) if answer else 0
        finally:
            writer.close()
    except (OSError, TimeoutError):
        pass
    seen.answers.append((began, status, time.monotonic() - began))


async def steadily(server: Server, seen: Seen, seconds: float) -> None:
    """Send ten requests a second, however long the answers take."""
    asked = []
    for _ in range(int(seconds * 10)):
        asked.append(asyncio.create_task(ask(server, seen)))
        await asyncio.sleep(0.1)
    await asyncio.gather(*asked)


async def without_pause(server: Server, seen: Seen, until: float) -> None:
    """Send the next request as soon as there is an answer."""
    while time.monotonic() < until:
        await ask(server, seen)


async def run(server: Server, connections: int, seconds: float) -> list[str]:
    """Run the benchmark, and return its figures."""
    before, flood, beside, after = Seen(), Seen(), Seen(), Seen()
    await steadily(server, Seen(), 2)
    await steadily(server, before, 5)
    until = time.monotonic() + seconds
    clients = [without_pause(server, flood, until) for _ in range(connections)]
    await asyncio.gather(steadily(server, beside, seconds), *clients)
    ended = time.monotonic()
    await steadily(server, after, AFTER)
    usual = 2 * sorted(seconds for _, _, seconds in before.answers)[-2]
    late = [began for began, status, took in after.answers if status != 200 or took > usual]
    well = max(late) - ended + 0.1 if late else 0.0
    return [
        f"before: {before}",
        f"flood of {connections}: {flood}",
        f"one who asks beside it: {beside}",
        f"last answer to the flood: {ended - until:.1f} s after its end",
        f"afterwards: {after}",
        f"as quick as before again {well:.1f} s after that",
    ]


def main(arguments: list[str]) -> int:
    if len(arguments) > 2 or not all(text.isdigit() for text in arguments):
        sys.stderr.write(__doc__ or "")
        return 2
    connections, seconds = [*map(int, arguments), *(1000, 10)[len(arguments) :]]
    with running_server(PATIENCE="2", TRUSTED_PROXIES="127.0.0.1") as server:
        with behind_nginx(server) as edge:
            figures = asyncio.run(run(edge, connections, seconds))
        for line in figures:
            sys.stdout.write(f"{line}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
