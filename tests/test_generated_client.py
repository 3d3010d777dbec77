"""A client generated from openapi.json (openapi-python-client), against the server."""

import importlib
import subprocess
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from tests.conftest import only_once_on_sqlite
from tests.server import ROOT, Server

pytestmark = only_once_on_sqlite

PACKAGE = "generated_openchair_client"


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Generate the client, and make it importable."""
    home = tmp_path_factory.mktemp("client")
    (home / "config.yml").write_text("post_hooks: []\n")
    command = [sys.executable, "-m", "openapi_python_client", "generate", "--fail-on-warning"]
    options = ["--meta", "none", "--config", "config.yml", "--output-path", PACKAGE]
    done = subprocess.run(
        [*command, *options, "--path", str(ROOT / "openapi.json")],
        check=False,
        cwd=home,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    sys.path.insert(0, str(home))
    yield
    sys.path.remove(str(home))
    for name in [name for name in sys.modules if name.startswith(PACKAGE)]:
        del sys.modules[name]


def module(path: str) -> ModuleType:
    """Import a module of the client."""
    return importlib.import_module(f"{PACKAGE}.{path}")


def test_a_generated_client_books_an_appointment(generated: None, server: Server) -> None:
    models: Any = module("models")
    practice = server.demo["practices"]["exact"]
    with module("client").AuthenticatedClient(
        base_url=server.url, token=server.key, prefix=""
    ) as client:
        create = module("api.bookings.create_booking").sync
        opening = create(
            client=client,
            body=models.BookingCreateRequest.from_dict(
                {
                    "location_id": practice["locations"][0],
                    "doctor_id": practice["doctors"][0],
                    "start_datetime": "2099-06-02T09:00",
                }
            ),
        )
        assert isinstance(opening, models.Booking)

        take = module("api.appointments.take_place").sync
        body = models.AppointmentCreateRequest(
            status=models.TakenStatus.BOOKED, first_name="Mia", last_name="Park"
        )
        first, again = (
            take(opening.id, client=client, body=body, idempotency_key=f"once-{opening.id}")
            for _ in range(2)
        )
        assert first == again
        assert (first.status.value, first.first_name) == ("booked", "Mia")
        refused = take(opening.id, client=client, body=body)
        assert isinstance(refused, models.Problem)
        assert refused.reason == "place_taken"

        listed = module("api.bookings.list_practice_bookings").sync(
            practice["id"], client=client, start_after=opening.start_datetime, limit=1000
        )
        assert [one.status.value for one in listed if one.id == opening.id] == ["booked"]
        changes = module("api.bookings.list_practice_changes").sync(practice["id"], client=client)
        assert changes.changes[0].from_status is None

        cancelled = module("api.appointments.cancel_appointment").sync(first.id, client=client)
        assert cancelled.status.value == "cancelled"
        closed = module("api.bookings.delete_booking").sync(opening.id, client=client)
        assert closed.status.value == "closed"
