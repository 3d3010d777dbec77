"""A stand-in for systemctl, for machines without systemd: as much as our units need.

    systemctl.py daemon-reload | enable --now UNIT… | start UNIT | restart UNIT | stop-all

Sockets are held by a process of their own, as systemd holds them, and outlive the service.
"""

import os
import pwd
import shlex
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

UNITS = Path("/etc/systemd/system")
HELD = Path("/run/openchair-systemctl")
JOURNAL = Path("/run/openchair-systemctl.log")
LAUNCH = (
    "import os, sys; os.dup2(int(sys.argv[1]), 3); os.environ['LISTEN_PID'] = str(os.getpid());"
    "os.execvp(sys.argv[2], sys.argv[2:])"
)


def read(unit: Path) -> list[tuple[str, str]]:
    """Parse a unit's settings, in their order; a name may come more than once."""
    lines = [line.strip() for line in unit.read_text().splitlines()]
    pairs = [line.partition("=") for line in lines if line and line[0] not in "#[;"]
    return [(name.strip(), text.strip()) for name, _, text in pairs]


def spawn(
    unit: Path, command: str, *, output: IO[bytes] | None = None, listening: int | None = None
) -> "subprocess.Popen[bytes]":
    """Run a command of a service as its user, in its directory, with its environment."""
    settings = dict(read(unit))
    environment = {"PATH": os.environ["PATH"], "LISTEN_FDS": "1"}
    if state := settings.get("StateDirectory"):
        environment["STATE_DIRECTORY"] = f"/var/lib/{state}"
    for name, text in read(unit):
        if name == "EnvironmentFile":
            for line in shlex.split(Path(text).read_text()):
                variable, _, value = line.partition("=")
                environment[variable] = value
    user = pwd.getpwnam(settings["User"])
    arguments = shlex.split(command.replace("$$", "$").replace("%%", "%"))
    fds: tuple[int, ...] = ()
    if listening is not None:
        arguments = [sys.executable, "-c", LAUNCH, str(listening), *arguments]
        fds = (listening,)
    return subprocess.Popen(
        arguments,
        cwd=settings["WorkingDirectory"],
        env=environment,
        user=user.pw_uid,
        group=user.pw_gid,
        extra_groups=[],
        umask=int(settings["UMask"], 8),
        pass_fds=fds,
        stdout=output,
        stderr=output,
    )


def hold(name: str) -> None:
    """Hold a socket and run its service; SIGHUP restarts it, SIGTERM ends both."""
    host, _, port = dict(read(UNITS / f"{name}.socket"))["ListenStream"].rpartition(":")
    backlog = int(dict(read(UNITS / f"{name}.socket"))["Backlog"])
    listening = socket.create_server((host, int(port)), backlog=backlog)
    asked: list[int] = []
    for number in (signal.SIGHUP, signal.SIGTERM):
        signal.signal(number, lambda number, _: asked.append(number))
    HELD.mkdir(exist_ok=True)
    while True:
        service = UNITS / f"{name}.service"
        once(service, "ExecStartPre")
        running = spawn(service, dict(read(service))["ExecStart"], listening=listening.fileno())
        (HELD / name).write_text(f"{os.getpid()} {running.pid}")
        while not asked and running.poll() is None:
            time.sleep(0.05)
        running.terminate()
        running.wait(timeout=40)
        if signal.SIGTERM in asked:
            return
        asked.clear()


def restart(name: str) -> None:
    """Stop and start the service, and wait until it has another process."""
    holder, before = (HELD / name).read_text().split()
    os.kill(int(holder), signal.SIGHUP)
    while (HELD / name).read_text().split()[1:] in ([], [before]):
        time.sleep(0.05)


def once(unit: Path, *kinds: str) -> None:
    """Run commands of a oneshot service; their output goes to its log."""
    for name, command in read(unit):
        if name not in kinds:
            continue
        with JOURNAL.open("ab") as log:
            if spawn(unit, command, output=log).wait():
                sys.exit(f"{unit.name}: {command} failed: {JOURNAL.read_text()[-2000:]}")


def main(verb: str, *names: str) -> None:
    """Do what systemctl does."""
    units = [name for name in names if name != "--now"]
    missing = [unit for unit in units if not (UNITS / unit).exists()]
    if missing:
        sys.exit(f"Unit {missing[0]} not found.")
    if verb == "hold":
        hold("openchair")
    elif verb == "enable" and "openchair.service" in units:
        with JOURNAL.open("ab") as log:
            subprocess.Popen(
                [sys.executable, __file__, "hold"], start_new_session=True, stdout=log, stderr=log
            )
            worker = UNITS / "openchair-worker.service"
            working = spawn(worker, dict(read(worker))["ExecStart"], output=log)
        HELD.mkdir(exist_ok=True)
        (HELD / "openchair-worker").write_text(str(working.pid))
        while not (HELD / "openchair").exists():
            time.sleep(0.05)
    elif verb == "restart":
        restart("openchair")
    elif verb == "start":
        once(UNITS / units[0], "ExecStart", "ExecStartPost")
    elif verb == "stop-all":
        for held in HELD.iterdir():
            os.kill(int(held.read_text().split()[0]), signal.SIGTERM)


if __name__ == "__main__":
    main(*sys.argv[1:])
