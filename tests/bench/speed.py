"""Speed benchmark: the product beside LIMIT, the least it could cost, and STOCK, the usual.

    script/bench speed [--small] [--rounds N] [CASE ...]

starts PostgreSQL, loads 1.5 million bookings (with --small 26 000 alone), starts the product as it
is run in production, on the large and the small database and on SQLite, and beside it LIMIT and
STOCK (tests/bench/servers.py). Each case goes to each in turn, round after round; what is printed
are medians, and ratios of the same round. docs/performance.md says how to read them.
"""

import argparse
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import psycopg

from tests.bench import cases, clients, machine, servers
from tests.bench.cases import Crowd, Plan, Sample
from tests.bench.clients import Request
from tests.bench.servers import Target
from tests.postgres import Cluster, cluster
from tests.server import ROOT

LARGE = (200, 2500, 1000, 10_000)
SMALL = (2, 2500, 1000, 10_000)
READING = ("list30", "get", "list1000", "list10000", "304-list30", "304-list1000", "one", "board")
WRITING = ("create", "claim", "book", "delete")
CASES = (*READING, "write", "contend", "start", "grow")
TITLES = ["req/s", "ratio", "p50", "p99", "app_us", "pg_us", "cpu", "MiB", "SQL", "bad", "others"]


@dataclass
class Figures:
    """Samples by case and server, round by round."""

    samples: dict[str, dict[str, list[Sample]]] = field(default_factory=dict)
    crowds: dict[str, list[Crowd]] = field(default_factory=dict)
    statements: dict[tuple[str, str], float | None] = field(default_factory=dict)
    starts: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    grown: dict[str, float] = field(default_factory=dict)
    idle: dict[str, float] = field(default_factory=dict)

    def add(self, case: str, target: Target, sample: Sample) -> None:
        self.samples.setdefault(case, {}).setdefault(target.name, []).append(sample)


def measure(
    figures: Figures, targets: list[Target], chosen: list[str], rounds: int, plan: Plan
) -> None:
    """Send each case to each server in turn, in another order each round."""
    for target in targets:
        _prepare(target, figures)
    for nth in range(rounds):
        shift = nth % len(targets)
        for case in chosen:
            for target in targets[shift:] + targets[:shift]:
                sys.stderr.write(f"round {nth + 1} of {rounds}: {case} on {target.name}\n")
                _measure(case, target, plan, figures)


def _prepare(target: Target, figures: Figures) -> None:
    """Check that a server answers as it should, choose a booking to read, and count statements."""
    target.data.places["opening"] = ""
    # The product writes the JSON of rows that came by COPY when they are read, 1000 at a time.
    for case in ("list30", "list1000", "list10000") * (12 if target.is_ours else 1):
        status, _, body = target.address.ask(Request("GET", cases.path_of(case, target)))
        assert status == 200, body
        if case == "list30":
            target.data.places["opening"] = cases.first_id(body)
    figures.idle[target.name] = machine.memory(target.pid, peak=False)
    for case in READING:
        figures.statements[case, target.name] = cases.statements(case, target)


def _measure(case: str, target: Target, plan: Plan, figures: Figures) -> None:
    if case in READING:
        sample = cases.read(case, target, plan)
        if sample is not None:
            figures.add(case, target, sample)
    elif case == "write":
        for name, one in cases.write(target, plan).items():
            figures.add(name, target, one)
    elif case == "contend":
        figures.crowds.setdefault(target.name, []).append(cases.contend(target, plan))
    elif case == "start":
        figures.starts.setdefault(target.name, []).append(cases.start_up(target))
    elif target.is_ours and target.name not in figures.grown:  # STOCK would take minutes
        figures.grown[target.name] = cases.growth(target, plan.large_answers)


def table(figures: Figures) -> Iterator[str]:
    """Format the medians: of repeated requests first, then of crowds and memory."""
    yield f"{'case':13} {'server':14}" + "".join(f"{title:>8}" for title in TITLES)
    for case, by_server in figures.samples.items():
        reference = next(iter(by_server.values()))
        for name, samples in by_server.items():
            yield _line(case, name, samples, reference, figures.statements.get((case, name)))
    yield ""
    yield f"{'64 at once':13} {'server':14}{'ms':>8}{'ratio':>8}{'winners':>9}{'readers keep':>14}"
    first = next(iter(figures.crowds.values()), [])
    for name, crowds in figures.crowds.items():
        ratios = [one.milliseconds / two.milliseconds for one, two in zip(crowds, first)]  # noqa: B905  # a server more may have been asked
        winners = sorted({number for crowd in crowds for number in crowd.winners})
        yield (
            f"{'':13} {name:14}{median(crowd.milliseconds for crowd in crowds):8.1f}"
            f"{median(ratios):8.2f}{'/'.join(map(str, winners)):>9}"
            f"{median(crowd.readers for crowd in crowds):14.2f}"
        )
    yield ""
    yield f"{'start':13} {'server':14}{'s':>8}{'cpu s':>8}"
    for name, starts in figures.starts.items():
        seconds, spent = (median(part) for part in zip(*starts, strict=True))
        yield f"{'':13} {name:14}{seconds:8.2f}{spent:8.2f}"
    yield ""
    yield f"{'memory':13} {'server':14}{'idle MiB':>9}{'grown by large answers':>24}"
    for name, idle in figures.idle.items():
        yield f"{'':13} {name:14}{idle:9.1f}{figures.grown.get(name, float('nan')):24.1f}"


def _line(
    case: str, name: str, samples: list[Sample], reference: list[Sample], sql: float | None
) -> str:
    one = {part.name: median(getattr(s, part.name) for s in samples) for part in fields(Sample)}
    pairs = list(zip(samples, reference, strict=False))
    rate = median(mine.rate / other.rate for mine, other in pairs)
    cpu = median(
        (mine.app + mine.database) / max(1.0, other.app + other.database) for mine, other in pairs
    )
    return (
        f"{case:13} {name:14}{one['rate']:8.0f}{rate:8.2f}{one['p50']:8.2f}{one['p99']:8.1f}"
        f"{one['app']:8.0f}{one['database']:8.0f}{cpu:8.2f}{one['peak']:8.1f}"
        f"{'-' if sql is None else f'{sql:.1f}':>8}{sum(s.bad for s in samples):8d}"
        f"{one['others']:8.2f}"
    )


def circumstances(postgres: Cluster, rounds: int, large: bool) -> str:
    """Return what was measured, when and on what."""
    git = ["git", "describe", "--always", "--dirty", "--exclude=*"]
    commit = subprocess.run(git, cwd=ROOT, capture_output=True, text=True, check=False).stdout
    with psycopg.connect(postgres.url) as connection:
        version = connection.info.server_version // 10_000
    return (
        f"commit {commit.strip() or 'unknown'}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC; "
        f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}; "
        f"Python {platform.python_version()}, PostgreSQL {version}; "
        f"{'1 511 000' if large else '26 000'} openings, {rounds} rounds, "
        f"{'wrk' if clients.WRK else 'without wrk (apt-get install wrk): Python sends'}"
    )


def run(
    chosen: list[str], rounds: int, plan: Plan, sizes: Mapping[str, tuple[int, ...]]
) -> Figures:
    """Start everything, measure, print, and clean up.

    sizes: by name of the database, of which SQLite is another engine; the references run on the
    first.
    """
    with ExitStack() as stack:
        postgres = stack.enter_context(cluster(servers.SETTINGS + servers.counting()))
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        databases = {
            name: servers.embedded(Path(folder), size)
            if name == "SQLite"
            else servers.loaded(postgres, size, name)
            for name, size in sizes.items()
        }
        first = next(iter(databases.values()))
        targets = [
            stack.enter_context(servers.reference(name, first)) for name in ("LIMIT", "STOCK")
        ]
        for name, data in databases.items():
            targets.append(stack.enter_context(servers.product(f"on {name}", data)))
        where = circumstances(postgres, rounds, large=LARGE in sizes.values())
        figures = Figures()
        try:
            measure(figures, targets, chosen, rounds, plan)
        finally:  # a Ctrl-C, too, after what may have been half an hour
            sys.stdout.write("\n".join([where, "", *table(figures), ""]))
    return figures


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="script/bench speed", description=__doc__)
    parser.add_argument("--small", action="store_true", help="26 000 openings alone")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("cases", nargs="*", metavar="CASE", help=", ".join(CASES))
    given = parser.parse_args()
    unknown = set(given.cases) - set(CASES)
    if unknown:
        parser.error(f"there is no case {unknown.pop()}: choose among {', '.join(CASES)}")
    sizes = {"large": LARGE, "small": SMALL, "SQLite": SMALL}
    if given.small:
        del sizes["large"]
    run(given.cases or list(CASES), given.rounds, Plan(), sizes)


if __name__ == "__main__":
    main()
