"""Followers of one practice, cut off and killed while it changes: each has the truth in the end.

    python -m tests.bench.followers FOLLOWERS CHANGES SECONDS

has so many run the functions of docs/partners.md's program while so many changes a second are made,
holds among them. One request in 20 ends without an answer or in the middle of it, one transaction
in 50 with its follower's death, whereupon another goes on from the file; a worker of gunicorn is
killed every 15 seconds. In the end each proves its copy, and one that drops a change finds out.
"""

import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPException, IncompleteRead
from pathlib import Path
from types import ModuleType
from typing import Any

from tests.bench import pages
from tests.server import Server, running_server
from tests.snippets import sync_program

WRITERS = 16
CUT, DEATH = 1 / 20, 1 / 50
NOT_NOW = (OSError, HTTPException, ValueError)
"""What the program's `main` tries again after."""


class Died(Exception):
    """This follower is no more."""


@dataclass
class Figures:
    """What happened, and which followers were wrong in the end."""

    followers: int
    changes: int = 0
    seconds: float = 0.0
    happened: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    found_out: bool = False

    def __str__(self) -> str:
        told = ", ".join(f"{count} {what}" for what, count in sorted(self.happened.items()))
        return (
            f"{self.followers} followers, {self.changes / self.seconds:.0f} changes a second for "
            f"{self.seconds:.0f} s: {told}; in the end {len(self.wrong)} wrong; the one that "
            f"dropped a change {'found out' if self.found_out else 'DID NOT FIND OUT'}"
        )


def program() -> Any:
    """Return the guide's program as a module."""
    module = ModuleType("sync")
    exec(compile(sync_program(), "sync.py", "exec"), module.__dict__)  # ours
    return module


class Holder(pages.Writer):
    """Holds what it created now and then; a request that is cut off is one change less."""

    def write(self) -> None:
        with suppress(OSError, HTTPException, AssertionError):
            if self.passing and random.random() < 0.4:
                path = f"{pages.BOOKING}/{random.choice(self.passing)}"
                self.server.call("PUT", path, {"status": random.choice(["pending", "open"])})
            else:
                super().write()


class Follower:
    """A life of copies, each of which goes on from the file of the one that died."""

    def __init__(self, server: Server, path: Path, happened: Counter[str], seed: int) -> None:
        self.server, self.path, self.happened = server, path, happened
        self.random = random.Random(seed)
        self.is_lucky = False
        self.kind = self._unlucky(program().Copy)

    def _unlucky(self, kind: Any) -> Any:
        outer = self

        class Unlucky(kind):
            def get(self, path: str) -> Any:
                found = super().get(path)
                outer.happened["requests"] += 1
                if outer.fails(CUT):
                    outer.happened["answers cut"] += 1
                    raise IncompleteRead(b"")
                return found

            def put(self, rows: list[Any], cursor: str) -> None:
                for nth, row in enumerate(rows):
                    if outer.fails(DEATH):
                        super().put(rows[:nth], cursor)
                        raise Died
                    super().put([row], self.cursor())
                super().put([], cursor)

        return Unlucky

    def fails(self, chance: float) -> bool:
        return not self.is_lucky and self.random.random() < chance

    def copy(self) -> Any:
        practice = self.server.demo["practices"]["exact"]["id"]
        return self.kind(self.server.url, self.server.key, practice, self.path)

    def live(self, is_over: threading.Event) -> None:
        """Follow, and prove now and then, until it is over; then count what `prove` says."""
        copy = self.copy()
        while not is_over.wait(self.random.random()):
            try:
                copy.follow()
                if self.random.random() < 0.05:
                    for right in copy.prove().values():
                        self.happened[f"proofs {right}"] += 1
            except NOT_NOW:
                self.happened["tries again"] += 1
            except Died:
                self.happened["deaths"] += 1
                copy.file.close()
                copy = self.copy()
        copy.file.close()

    def is_right(self) -> bool:
        """Whether it proves its copy now that nothing changes any more."""
        self.is_lucky = True
        return set(self.copy().prove().values()) == {True}


def finds_out(follower: Follower, writer: pages.Writer) -> bool:
    """Whether one that drops a change is told so by the digest, and right after a new list."""
    copy = follower.copy()
    copy.follow()
    new = writer.create(1)
    put = copy.put
    copy.put = lambda rows, cursor: put([row for row in rows if row["id"] != new], cursor)
    copy.follow()
    copy.put = put
    before = copy.prove()
    copy.read_anew()
    return False in before.values() and set(copy.prove().values()) == {True}


@contextmanager
def workers_killed(server: Server, every: float, happened: Counter[str]) -> Iterator[None]:
    """Kill a worker of gunicorn every so many seconds."""
    stop = threading.Event()

    def go_on() -> None:
        while not stop.wait(every):
            with suppress(ProcessLookupError, IndexError):
                os.kill(random.choice(server.workers()), signal.SIGKILL)
                happened["workers killed"] += 1

    thread = threading.Thread(target=go_on)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def run(count: int, per_second: int, *, seconds: float, kill_every: float = 15.0) -> Figures:
    """Run it on a server of its own, and return the figures."""
    figures, is_over = Figures(count), threading.Event()
    with ExitStack() as stack:
        server = stack.enter_context(running_server(HOLD_SECONDS="2"))
        home = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        followers = [
            Follower(server, home / f"{nth}.sqlite3", figures.happened, nth) for nth in range(count)
        ]
        threads = [threading.Thread(target=each.live, args=[is_over]) for each in followers]
        began = time.monotonic()
        with ExitStack() as load:
            written = [pages.Figures(0) for _ in range(WRITERS)]
            for each in written:
                writer = Holder(server, 300)
                load.enter_context(pages.writing(writer, per_second / WRITERS, each))
            load.enter_context(workers_killed(server, kill_every, figures.happened))
            for thread in threads:
                thread.start()
            is_over.wait(seconds)
        figures.seconds = time.monotonic() - began
        figures.changes = sum(each.writes for each in written)
        is_over.set()
        for thread in threads:
            thread.join()
        time.sleep(2)  # until the last holds have lapsed
        figures.wrong = [each.path.name for each in followers if not each.is_right()]
        figures.found_out = finds_out(followers[0], pages.Writer(server, 300))
    return figures


def main(arguments: list[str]) -> int:
    """Run it from the command line; exits 1 where a follower was wrong, or did not find out."""
    if len(arguments) != 3 or not all(text.isdigit() and int(text) for text in arguments):
        sys.stderr.write(__doc__ or "")
        return 2
    count, per_second, seconds = map(int, arguments)
    figures = run(count, per_second, seconds=seconds)
    sys.stdout.write(f"{figures}\n")
    return 0 if figures.found_out and not figures.wrong else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
