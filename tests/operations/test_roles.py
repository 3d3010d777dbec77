"""The PostgreSQL roles of deploy/postgresql: what the application may do, and no more."""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import HTTPCookieProcessor, build_opener

import psycopg
import pytest
from psycopg.errors import InsufficientPrivilege

from tests.operations.cluster import Database, database_with_roles
from tests.server import Server, running_server
from tests.test_readme import assert_it_succeeded, run_first_session

URL = os.environ.get("DATABASE_URL", "")
pytestmark = pytest.mark.skipif(not URL.startswith("postgres"), reason="roles are PostgreSQL's")

FORBIDDEN = {
    "app": [
        "UPDATE bookings_event SET to_status = 'open'",
        "DELETE FROM bookings_event",
        "TRUNCATE bookings_event",
        "UPDATE bookings_access SET appointments = '[]'",
        "DELETE FROM bookings_access",
        "DROP TABLE bookings_event",
        "ALTER TABLE bookings_event DISABLE TRIGGER ALL",
        "UPDATE django_admin_log SET change_message = ''",
        "DELETE FROM django_admin_log",
        "DELETE FROM bookings_booking",
        "DELETE FROM bookings_appointment",
        "DELETE FROM auth_user",
        "ALTER TABLE bookings_booking DROP CONSTRAINT booking_status_agrees_with_places",
        "DROP TRIGGER booking_fits_practice ON bookings_booking",
        "CREATE OR REPLACE FUNCTION bookings_places_agree() RETURNS trigger LANGUAGE plpgsql "
        "AS 'BEGIN RETURN NULL; END'",
        "SET session_replication_role = replica",
        "CREATE TABLE mine (id int)",
        "CREATE TEMPORARY TABLE mine (id int)",
        "CREATE SCHEMA mine",
        "INSERT INTO django_migrations (app, name, applied) VALUES ('bookings', '9', now())",
    ],
    "backup": [
        "INSERT INTO api_counter VALUES ('x', 1, 1)",
        "UPDATE bookings_event SET to_status = 'open'",
        "DELETE FROM bookings_event",
        "CREATE TABLE mine (id int)",
    ],
    "report": [
        "SELECT * FROM bookings_appointment",
        "SELECT changes FROM bookings_event",
        "SELECT digest FROM practices_apikey",
        "SELECT password FROM auth_user",
        *(f"SELECT {column} FROM bookings_appointment" for column in ("patient", "email_digest")),
        "SELECT sealed FROM api_keptanswer",
        "SELECT session_data FROM django_session",
        "DELETE FROM bookings_event",
        "CREATE TABLE mine (id int)",
    ],
}
REPORT = """
    SELECT l.name, date_trunc('week', b.start_datetime), count(*), sum(b.places_booked)
    FROM bookings_booking b JOIN practices_location l ON l.id = b.location_id
    JOIN bookings_appointment a ON a.booking_id = b.id JOIN bookings_event e ON e.booking_id = b.id
    GROUP BY 1, 2
"""


@pytest.fixture(scope="module")
def database() -> Iterator[Database]:
    """Create a database with its roles, run twice, and migrate it as its owner."""
    with database_with_roles(URL) as made:
        made.make()
        made.migrate()
        yield made


@pytest.fixture(scope="module")
def server(database: Database) -> Iterator[Server]:
    """Run the product with demo data as the application's role."""
    with running_server(DATABASE_URL=database.url("app")) as running:
        yield running


@pytest.mark.nightly
def test_the_first_session_works_as_the_application(server: Server, tmp_path: Path) -> None:
    assert_it_succeeded(run_first_session(server, tmp_path))


@pytest.mark.nightly
def test_a_patient_is_served_as_the_application(server: Server) -> None:
    practice = server.demo["practices"]["exact"]["id"]
    rows = server.call("GET", f"/onlinescheduling/practice/{practice}/bookings?status=open").json()
    path = f"/onlinescheduling/booking/{rows[-1]['id']}/appointments"
    once = {"Idempotency-Key": "roles-1"}
    taken = server.call("POST", path, {"status": "booked", "first_name": "Ada"}, headers=once)
    assert taken.status == 201, taken.body
    cancelled = server.call("DELETE", f"/onlinescheduling/appointment/{taken.json()['id']}")
    assert cancelled.json()["status"] == "cancelled"
    changes = server.call("GET", f"/onlinescheduling/practice/{practice}/changes?limit=5")
    assert len(changes.json()) > 0


class Desk:
    """An HTTP client of the admin."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self.opener = build_opener(HTTPCookieProcessor())

    def get(self, path: str) -> str:
        with self.opener.open(self.url + path, timeout=30) as page:
            text: str = page.read().decode()
            return text

    def send(self, path: str, **fields: str) -> str:
        """Submit the form of a page; return the page that follows."""
        return self.send_to(path, path, **fields)

    def send_to(self, path: str, shown_on: str, **fields: str) -> str:
        """Submit a form that another page shows."""
        page_before = self.get(shown_on)
        (token, *_) = re.findall(r'name="csrfmiddlewaretoken" value="(\w+)"', page_before)
        body = urlencode({"csrfmiddlewaretoken": token, **fields}).encode()
        with self.opener.open(self.url + path, body, timeout=30) as page:
            text: str = page.read().decode()
            return text


@pytest.mark.nightly
def test_the_admin_works_as_the_application(server: Server) -> None:
    desk = Desk(server)
    operator = server.demo["staff"]["operator"]
    assert "Log out" in desk.send("/admin/login/?next=/admin/", **operator)
    practices = "/admin/practices/practice/"
    desk.send(f"{practices}add/", id="rolesA", name="Roles A", kind="exact", active="on")
    desk.send(f"{practices}rolesA/change/", id="rolesA", name="Roles B", kind="exact", active="on")
    assert "Roles B" in desk.get(f"{practices}rolesA/history/") + desk.get(practices)
    assert "Roles B" in desk.send(f"{practices}rolesA/delete/", post="yes")  # the message says so
    assert "rolesA" not in desk.get(practices)
    assert "oc_" in desk.get("/admin/practices/apikey/")


@pytest.mark.parametrize(
    ("role", "statement"),
    [(role, statement) for role, statements in FORBIDDEN.items() for statement in statements],
)
def test_the_database_refuses_a_role_what_is_not_its_job(
    database: Database, role: str, statement: str
) -> None:
    # A setting that the role can change for itself protects nothing.
    writable = "-c default_transaction_read_only=off"
    with (
        psycopg.connect(database.url(role), autocommit=True, options=writable) as connection,
        pytest.raises(InsufficientPrivilege),
    ):
        connection.execute(statement.encode())


@pytest.mark.nightly
def test_a_report_reads_numbers_and_writes_nothing_by_mistake(
    database: Database, server: Server
) -> None:
    with psycopg.connect(database.url("report"), autocommit=True) as connection:
        assert connection.execute(REPORT).fetchall()
        with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
            connection.execute("DELETE FROM bookings_event")


def test_another_role_of_the_server_cannot_even_log_in(database: Database) -> None:
    with database_with_roles(URL) as other:
        stranger = other.url("app").removesuffix(other.name) + database.name
        with pytest.raises(psycopg.OperationalError, match="permission denied for database"):
            psycopg.connect(stranger).close()


def test_a_new_table_is_the_applications_to_fill_after_the_next_migrate(database: Database) -> None:
    with psycopg.connect(database.url("owner"), autocommit=True) as owner:
        owner.execute("CREATE TABLE later (id int)")
    database.migrate()
    with psycopg.connect(database.url("app"), autocommit=True) as app:
        app.execute("INSERT INTO later VALUES (1)")
        app.execute("DELETE FROM later")
    with psycopg.connect(database.url("report")) as report, pytest.raises(InsufficientPrivilege):
        report.execute("SELECT * FROM later")
