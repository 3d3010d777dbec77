"""No patient in clear in database files, WAL, dumps, logs and metrics, and in mail a first name."""

import base64
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import psycopg

from tests.operations.test_roles import Desk
from tests.postgres import newest_binaries
from tests.server import ROOT, Server, running_server

OPENING = "quokka-opening"
BY_PARTNER = {
    "first_name": "Zanziwombat",
    "last_name": "Numbatroo",
    "email": "bilby.dingo@platypus.example",
    "phone": "555 731 90417",
    "guardian_name": "Bandicootis",
    "zip_code": "ZQ93177-MARSUPIAL",
    "message": "allergic to wallabytin 🦘",
}
BY_STAFF = {name: f"{value}.x" for name, value in BY_PARTNER.items()} | {
    "email": "staff.bilby@platypus.example",
    "phone": "+49 555 731 90418",
    "note": "brings her quollkeeper",
}
PLANTED = [
    "Zanziwombat",
    "Numbatroo",
    "platypus.example",
    "555 731 9041",
    "5557319041",
    "Bandicootis",
    "ZQ93177-MARSUPIAL",
    "wallabytin",
    "quollkeeper",
    "Zanzibettong",
    "moved to kowarigrad",
    "potoroo-typed",
]


def forms(text: str) -> Iterator[bytes]:
    """Return the bytes as which a text may be stored: plain, UTF-16, base64 at any offset."""
    yield text.encode()
    yield text.encode("utf-16-le")
    for offset, tainted in enumerate((0, 2, 3)):
        # Characters that depend on the bytes before and after the text are left out.
        whole = (offset + len(text.encode())) // 3 * 4
        yield base64.b64encode(b"\0" * offset + text.encode())[tainted:whole]


def plant(server: Server) -> None:
    """Let a partner and staff write and read patients, in every way there is."""
    exact = server.demo["practices"]["exact"]
    opening = {
        "id": OPENING,
        "location_id": exact["locations"][0],
        "doctor_id": exact["doctors"][0],
        "start_datetime": "2030-03-05T09:00",
        "total_appointments": 3,
    }
    assert server.call("POST", "/onlinescheduling/booking", opening).status == 201
    path = f"/onlinescheduling/booking/{OPENING}/appointments"
    for _ in range(2):
        taken = server.call("POST", path, BY_PARTNER, headers={"Idempotency-Key": "planted"})
        assert taken.status == 201
    place = taken.headers["Location"]
    assert server.call("PUT", place, {"message": "more wallabytin"}).status == 200
    assert server.call("PUT", place, {"email": "platypus.example"}).status == 400
    assert b"Zanziwombat" in server.call("GET", place).body
    desk = Desk(server)
    desk.send("/admin/login/?next=/admin/", **server.demo["staff"]["exact"])
    page = f"/admin/desk/{exact['id']}/opening/{OPENING}/"
    assert "Zanziwombat.x" in desk.send_to(f"{page}patient/", page, **BY_STAFF, status="booked")
    assert "Zanziwombat" in desk.get(f"/admin/desk/{exact['id']}/patients/?first=2030-03-05")
    find = f"/admin/desk/{exact['id']}/find/"
    assert "Zanziwombat" in desk.send_to(find, find, q="bilby.dingo@platypus.example")
    assert "Zanziwombat" in desk.send_to(find, find, q="zanziwombat 90417 numbatroo")
    assert "No visit found" in desk.send_to(find, find, q="potoroo-typed wallabytin")
    visit = f"/admin/desk/{exact['id']}/place/{place.rpartition('/')[2]}/"
    cancel = {"seen": "pending", "reason": "moved to kowarigrad"}
    assert "is cancelled" in desk.send_to(f"{visit}cancel/", page, **cancel)
    assert "moved to kowarigrad" in desk.get(visit)
    # Without an e-mail address: they are called, and there is only one mail.
    family = {**BY_PARTNER, "email": "", "people": 2, "others": [{"first_name": "Zanzibettong"}]}
    joined = server.call("POST", f"/onlinescheduling/practice/{exact['id']}/waitlist", family)
    assert joined.status == 201
    assert b"Zanzibettong" in server.call("GET", joined.headers["Location"]).body


def wal_file(url: str) -> str:
    """Return the name of the file of its write-ahead log to which PostgreSQL writes now."""
    with psycopg.connect(url) as connection:
        asked = connection.execute("SELECT pg_walfile_name(pg_current_wal_insert_lsn())")
        return str(asked.fetchall()[0][0])


def on_disk(url: str, *, since: str) -> Iterator[bytes]:
    """Return every file of the database, and a dump of it; of its server what is of no other.

    since: the first file of its write-ahead log that may have what was written meanwhile. Those
    before it, and those that wait to be used again, are hundreds of megabytes of other tests.
    """
    if url.startswith("sqlite"):
        database = Path(url.removeprefix("sqlite:///"))
        # The write-ahead log beside it is there for as long as somebody uses the database.
        yield from (file.read_bytes() for file in database.parent.glob(f"{database.name}*"))
        return
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CHECKPOINT")
        found = connection.execute(
            "SELECT current_setting('data_directory'), oid::text FROM pg_database "
            "WHERE datname = current_database()"
        ).fetchone()
    assert found is not None
    last = wal_file(url)
    yield subprocess.run(
        [newest_binaries() / "pg_dump", url], capture_output=True, check=True
    ).stdout
    for folder, _, names in os.walk(Path(found[0]).parent):
        if Path(folder).parent.name == "base" and Path(folder).name not in {found[1], "pgsql_tmp"}:
            continue
        for name in names:
            path = Path(folder) / name
            if path.parent.name == "pg_wal" and not since <= name <= last:
                continue
            if path.is_file():  # no socket
                yield path.read_bytes()


def send_mail(server: Server, folder: Path, log: Path) -> str:
    """Let a worker send the one mail that there is, as a file; return its subject and all parts."""
    command = [sys.executable, "manage.py", "worker"]
    with log.open("ab") as written:
        worker = subprocess.Popen(command, cwd=ROOT, env=server.environment, stderr=written)
    deadline = time.monotonic() + 30
    while not (files := [*folder.glob("*")]) and time.monotonic() < deadline:
        time.sleep(0.1)
    worker.terminate()
    assert worker.wait(30) == 0
    [file] = files
    mail = message_from_bytes(file.read_bytes(), policy=policy.default)
    parts = [each.get_content() for each in mail.walk() if not each.is_multipart()]
    return "\n".join([mail["Subject"], *map(str, parts)])


def test_no_file_has_a_planted_patient(tmp_path: Path) -> None:
    log = tmp_path / "log"
    # Mail goes to files there, as under systemd.
    with running_server(log, STATE_DIRECTORY=str(tmp_path), METRICS_FROM="127.0.0.1") as server:
        url = server.environment["DATABASE_URL"]
        since = wal_file(url) if url.startswith("postgres") else ""
        plant(server)
        mail = send_mail(server, tmp_path / "mail", log)
        told = server.call("GET", "/metrics").body
        seen = set()
        sought = {form: text for text in [OPENING, *PLANTED] for form in forms(text)}
        # In megabytes of random base64 any four characters occur by chance.
        assert min(map(len, sought)) > 8
        for written in [*on_disk(url, since=since), log.read_bytes(), told]:
            seen |= {text for form, text in sought.items() if form in written}
    assert seen == {OPENING}
    assert {text for text in PLANTED if text in mail} == {"Zanziwombat", "platypus.example"}
