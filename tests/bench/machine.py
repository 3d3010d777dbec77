"""Processor time and memory of process trees, as Linux counts them."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

TICK: int = os.sysconf("SC_CLK_TCK")
MIB = 1024
PROC = Path("/proc")


def _fields(pid: int) -> list[str]:
    """Read /proc/PID/stat from the state on: its 3rd field is the first here."""
    return (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()


def tree(pid: int) -> Iterator[int]:
    """Return the ids of a process and its descendants."""
    children: dict[int, list[int]] = {}
    for entry in PROC.iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                children.setdefault(int(_fields(int(entry.name))[1]), []).append(int(entry.name))
    todo = [pid]
    while todo:
        one = todo.pop()
        yield one
        todo += children.get(one, [])


def spent(pid: int) -> float:
    """Return the seconds of processor time of a tree, ended children included."""
    ticks = 0
    for one in tree(pid):
        with suppress(OSError):
            fields = _fields(one)
            ticks += sum(map(int, fields[11:13]))
            ticks += sum(map(int, fields[13:15])) if one == pid else 0
    return ticks / TICK


def busy() -> float:
    """Return the seconds of processor time of all processes since the machine started."""
    with (PROC / "stat").open() as stat:
        fields = [int(field) for field in stat.readline().split()[1:9]]
    return (sum(fields) - fields[3] - fields[4]) / TICK


def forget_peaks(pid: int) -> None:
    """Reset each process's peak of memory to its present use."""
    for one in tree(pid):
        with suppress(OSError):
            (PROC / str(one) / "clear_refs").write_text("5")


def memory(pid: int, *, peak: bool) -> float:
    """Return the MiB of the largest process of a tree, now or at its peak."""
    word = "VmHWM:" if peak else "VmRSS:"
    largest = 0
    for one in tree(pid):
        with suppress(OSError):
            lines = (PROC / str(one) / "status").read_text().splitlines()
            found = [int(line.split()[1]) for line in lines if line.startswith(word)]
            largest = max([largest, *found])
    return largest / MIB
