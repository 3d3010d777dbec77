"""Migrations go forwards and back, on an installation with data in it."""

import json

from tests.server import Server, running_server


def count(server: Server) -> int:
    answer = server.call("GET", "/onlinescheduling/practice/rtGB2/bookings")
    return len(answer.json())


def test_every_migration_of_ours_can_be_taken_back_and_made_again() -> None:
    with running_server() as server:
        assert count(server) > 50
        for app in ("bookings", "practices", "api"):
            server.manage("migrate", app, "zero", "-v0")
        server.manage("migrate", "-v0")
        made = json.loads(server.manage("demo", "--json"))
        server.demo = made
        assert count(server) > 50


def test_the_last_steps_can_be_taken_back_under_data() -> None:
    with running_server() as server:
        before = count(server)
        server.manage("migrate", "bookings", "0001", "-v0")
        server.manage("migrate", "-v0")
        assert count(server) == before
