"""Permission matrix: every route, method and kind of key, on every kind of object.

The rows come from openapi.json, so a new route fails here until ROUTES says what it needs.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.urls import get_resolver
from django.utils import timezone

from bookings.messages.webhooks import endpoints
from bookings.models import (
    SUBSCRIBED,
    Appointment,
    Booking,
    DeliveryStatus,
    Event,
    WaitlistEntry,
    Webhook,
)
from bookings.patients.record import Patient
from bookings.scheduling import appointments, bookings
from bookings.scheduling.actors import Actor
from bookings.scheduling.waitlist import entries
from practices import keys
from practices.models import ApiKey, Kind, Partner
from tests import factories
from tests.conftest import Caller, only_once
from tests.server import ROOT

pytestmark = only_once

OPERATIONS = {
    f"{method.upper()} {path}"
    for path, methods in json.loads((ROOT / "openapi.json").read_text())["paths"].items()
    for method in methods
}
NOT_LET_IN = {"none", "unknown", "revoked", "expired"}
PARTNER_OF = {
    "read_only": "read_only",
    "exact_only": "exact_only",
    "other_partner": "other_partner",
    "full": "full",
    "full_second": "full",
}
GRANTED = {
    "read_only": set[str](),
    "exact_only": {"exact"},
    "other_partner": {"exact", "range"},
    "full": {"exact", "range"},
}
PRACTICES = ("exact", "range", "ungranted")
OWNERS = ("exact_only", "other_partner", "full")
UNKNOWN = "nowhere"


@dataclass(frozen=True)
class Route:
    """What a route needs (special authorization, a grant), what it names, and its status."""

    names: str = ""
    locked: bool = True
    writes: bool = True
    success: int = 200
    unknown: int = 404
    foreign: int | None = 403
    """What somebody else's thing answers; None where it need not be one's own."""


READ_PRACTICE = Route("practice", locked=False, writes=False)
WRITE_APPOINTMENT = Route("appointment", foreign=404)
READ_BOOKING = Route("booking", locked=False, writes=False)
WRITE_BOOKING = Route("booking")
READ_WEBHOOK = Route("webhook", locked=False, foreign=404)
WRITE_WEBHOOK = Route("webhook", foreign=404)
TELL = Route("webhook", success=202, foreign=404)
ROUTES = {
    "GET /scheduling/practices": Route(writes=False),
    "GET /scheduling/practice/{practice_id}": READ_PRACTICE,
    "GET /scheduling/practice/{practice_id}/locations": READ_PRACTICE,
    "GET /scheduling/practice/{practice_id}/doctors": READ_PRACTICE,
    "GET /scheduling/location/{location_id}": Route("location", locked=False, writes=False),
    "GET /scheduling/doctor/{doctor_id}": Route("doctor", locked=False, writes=False),
    "GET /onlinescheduling/practice/{practice_id}/bookings": READ_PRACTICE,
    "GET /onlinescheduling/practice/{practice_id}/changes": READ_PRACTICE,
    # Patients: the grant is needed to read, too.
    "GET /onlinescheduling/practice/{practice_id}/appointments": Route("practice", locked=False),
    "POST /onlinescheduling/booking/{booking_id}/appointments": Route(
        "booking", success=201, foreign=None
    ),
    # An opening that the body names is a field, as a location is.
    "POST /onlinescheduling/appointments": Route("booking", success=201, unknown=400, foreign=None),
    "GET /onlinescheduling/appointment/{appointment_id}": Route(
        "appointment", locked=False, foreign=404
    ),
    "PUT /onlinescheduling/appointment/{appointment_id}": WRITE_APPOINTMENT,
    "DELETE /onlinescheduling/appointment/{appointment_id}": WRITE_APPOINTMENT,
    "GET /onlinescheduling/practice/{practice_id}/waitlist": Route("practice", locked=False),
    "POST /onlinescheduling/practice/{practice_id}/waitlist": Route("practice", success=201),
    "GET /onlinescheduling/waitlist/{entry_id}": Route("entry", locked=False, foreign=404),
    "DELETE /onlinescheduling/waitlist/{entry_id}": Route("entry", foreign=404),
    "GET /onlinescheduling/location/{location_id}/bookings": Route(
        "location", locked=False, writes=False
    ),
    "GET /onlinescheduling/location/{location_id}/digest": Route(
        "location", locked=False, writes=False
    ),
    # A location that the body names is a field like others: 400 if there is none.
    "POST /onlinescheduling/booking": Route("location", success=201, unknown=400),
    "PUT /onlinescheduling/booking": WRITE_BOOKING,
    "PATCH /onlinescheduling/booking": WRITE_BOOKING,
    "GET /onlinescheduling/booking/{booking_id}": READ_BOOKING,
    "PUT /onlinescheduling/booking/{booking_id}": WRITE_BOOKING,
    "POST /onlinescheduling/booking/{booking_id}": WRITE_BOOKING,
    "PATCH /onlinescheduling/booking/{booking_id}": WRITE_BOOKING,
    "DELETE /onlinescheduling/booking/{booking_id}": WRITE_BOOKING,
    "GET /scheduling/webhooks": Route(locked=False, writes=False),
    # A practice that is not granted is told from none by no key but one that is granted every one.
    "POST /scheduling/webhooks": Route("practice", success=201, unknown=403),
    "GET /scheduling/webhook/{webhook_id}": READ_WEBHOOK,
    "PUT /scheduling/webhook/{webhook_id}": WRITE_WEBHOOK,
    "DELETE /scheduling/webhook/{webhook_id}": WRITE_WEBHOOK,
    "POST /scheduling/webhook/{webhook_id}/rotate": WRITE_WEBHOOK,
    "DELETE /scheduling/webhook/{webhook_id}/rotate": WRITE_WEBHOOK,
    "POST /scheduling/webhook/{webhook_id}/ping": TELL,
    "GET /scheduling/webhook/{webhook_id}/deliveries": READ_WEBHOOK,
    "POST /scheduling/webhook/{webhook_id}/deliveries/{delivery_id}/replay": TELL,
    "POST /scheduling/webhook/{webhook_id}/replay": TELL,
}


@dataclass(frozen=True)
class Target:
    """What a request names: its id, the practice it is in, and a booking's owner."""

    id: str
    practice: str = ""
    owner: str = ""

    def __str__(self) -> str:
        return f"{self.owner or 'nobody'}'s in {self.practice or 'no practice'}"


def expected(route: Route, key: str, target: Target, *, broken: bool) -> int:
    """Return the status by the contract: 401 before 403 before 404 before 400."""
    if key in NOT_LET_IN:
        return 401
    if route.locked and key == "read_only":
        return 403
    if target.id == UNKNOWN:
        return route.unknown
    if route.writes and route.foreign and target.owner not in {"", PARTNER_OF[key]}:
        return route.foreign
    if route.writes and target.practice not in GRANTED[PARTNER_OF[key]]:
        return 403
    return 400 if broken else route.success


class World:
    """Three practices; four partners with keys; a booking of each owner in each practice."""

    def __init__(self) -> None:
        kinds = {"exact": Kind.EXACT, "range": Kind.RANGE, "ungranted": Kind.EXACT}
        self.practices = {name: factories.practice(kind) for name, kind in kinds.items()}
        self.locations = {name: factories.location(of) for name, of in self.practices.items()}
        self.doctors = {name: factories.doctor(at) for name, at in self.locations.items()}
        self.partners = {name: self._partner(name) for name in GRANTED}
        rows = {name: factories.key(self.partners[of]) for name, of in PARTNER_OF.items()}
        self.keys: dict[str, str | None] = {name: text for name, (_, text) in rows.items()}
        now = timezone.now()
        self.keys |= {"none": None, "unknown": keys.new_key()}
        self.keys["revoked"] = self._key("full", revoked_at=now)
        made, ends = now - timedelta(days=2), now - timedelta(days=1)
        self.keys["expired"] = self._key("full", created_at=made, expires_at=ends)
        self.callers = {name: Caller(text) for name, text in self.keys.items()}
        self.bookings = {
            (owner, name): self._booking(Actor.of_key(rows[owner][0]), name)
            for owner in OWNERS
            for name in PRACTICES
        }
        self.webhooks = {(owner, "exact"): self._webhook(owner) for owner in OWNERS}
        self.appointments = {
            (owner, name): self._appointment(Actor.of_key(rows[owner][0]), name)
            for owner in OWNERS
            for name in PRACTICES
        }

        self.entries = {
            (owner, name): self._entry(Actor.of_key(rows[owner][0]), name)
            for owner in OWNERS
            for name in PRACTICES
        }

    def _partner(self, name: str) -> Partner:
        granted = [self.practices[practice] for practice in GRANTED[name]]
        return factories.partner(granted=granted, authorized=name != "read_only")

    def _key(self, partner: str, **values: Any) -> str:
        row, text = factories.key(self.partners[partner])
        ApiKey.objects.filter(pk=row.pk).update(**values)
        return text

    def fields(self, location_id: str) -> dict[str, Any]:
        """Return the body that creates a booking at a location."""
        at = {row.pk: name for name, row in self.locations.items()}.get(location_id, "exact")
        start = "2026-06-02T09:00"
        doctor_id = self.doctors[at].pk
        return {"location_id": location_id, "doctor_id": doctor_id, "start_datetime": start}

    def _booking(self, by: Actor, practice: str) -> Booking:
        fields: Any = self.fields(self.locations[practice].pk)
        fields["start_datetime"] = timezone.now() + timedelta(days=1)
        return bookings.publish(fields=fields, by=by, now=factories.NOON)

    def _appointment(self, by: Actor, practice: str) -> Appointment:
        booking, now = self._booking(by, practice), timezone.now()
        held: Any = {"status": "pending"}
        return appointments.take(booking_id=booking.pk, fields=held, by=by, now=now)

    def _entry(self, by: Actor, practice: str) -> WaitlistEntry:
        patient, far = (
            Patient(first_name=f"{by.api_key_id}", phone="212 555 0100"),
            date(2099, 1, 1),
        )
        return entries.join(
            self.practices[practice], patient, {"earliest": far}, by=by, now=timezone.now()
        )

    def _webhook(self, owner: str) -> Webhook:
        """Make a webhook with a delivery of the same id, so that one fills a whole path."""
        made, _ = endpoints.create(
            self.partners[owner], url="https://a.example/", types=SUBSCRIBED, practice_ids=()
        )
        made.deliveries.create(
            pk=made.pk,
            type=SUBSCRIBED[0],
            practice=self.practices["exact"],
            sequence=1,
            body="{}",
            status=DeliveryStatus.DELIVERED,
            created_at=timezone.now(),
        )
        return made

    def targets(self, route: Route) -> Iterator[Target]:
        """Return everything that a route can name, and ids of nothing."""
        owned: dict[str, Any] = {
            "booking": self.bookings,
            "appointment": self.appointments,
            "entry": self.entries,
            "webhook": self.webhooks,
        }
        if route.names in owned:
            for (owner, name), row in owned[route.names].items():
                yield Target(row.pk, name, owner)
        elif route.names:
            rows: Any = {
                "practice": self.practices,
                "location": self.locations,
                "doctor": self.doctors,
            }
            for name, row in rows[route.names].items():
                yield Target(row.pk, name)
        else:
            yield Target("")
        if route.names:
            yield Target(UNKNOWN)

    def body(self, operation: str, target: Target, *, broken: bool) -> dict[str, Any] | None:
        """Return the body of a request, or one with a field that does not exist."""
        method, path = operation.split()
        if method in {"GET", "HEAD", "DELETE"}:
            return None
        if operation == "POST /onlinescheduling/booking":
            body = self.fields(target.id)
        elif operation == "POST /scheduling/webhooks":
            body = {"url": "https://a.example/", "practice_ids": [target.id]}
        elif "webhook" in path:
            body = {"active": False} if method == "PUT" else {}
        elif operation == "POST /onlinescheduling/appointments":
            body = {"appointments": [{"booking_id": target.id}]}
        elif "waitlist" in path:
            body = {"first_name": "Mia", "phone": "212 555 0100"}
        elif "appointment" in path:
            body = {"first_name": "Mia"}
        else:
            body = {"length": 45} if "{" in path else {"id": target.id, "length": 45}
        return {**body, "colour": "red"} if broken else body


@pytest.fixture(scope="module")
def world(django_db_setup: None, django_db_blocker: Any) -> Iterator[World]:
    """Make it once, for `ask` undoes what every request did."""
    with django_db_blocker.unblock(), transaction.atomic():
        yield World()
        transaction.set_rollback(True)


def ask(world: World, operation: str, key: str, target: Target, *, broken: bool) -> int:
    """Send a request, check its status, and undo what it did."""
    method, path = operation.split()
    path = re.sub(r"{\w+}", target.id, path)
    path += "?since=2026-01-01T00:00Z" if path == f"/scheduling/webhook/{target.id}/replay" else ""
    with transaction.atomic():
        before = Event.objects.count()
        body = world.body(operation, target, broken=broken)
        answer = world.callers[key](method, path, body)
        changed = Event.objects.count() != before
        transaction.set_rollback(True)
    assert answer.status_code < 400 or not changed, f"{operation}: a refusal changed something"
    assert answer.status_code < 400 or answer["Content-Type"] == "application/problem+json"
    status: int = answer.status_code
    return status


@pytest.mark.parametrize("operation", sorted(OPERATIONS))
def test_each_route_lets_in_who_may_and_nobody_else(operation: str, world: World) -> None:
    assert operation in ROUTES, f"{operation} is new: say in ROUTES who may"
    route, wanted, got = ROUTES[operation], {}, {}
    for target in world.targets(route):
        for key in sorted(world.keys):
            for broken in {False, world.body(operation, target, broken=True) is not None}:
                cell = f"{key} asks {target}{' with a broken body' * broken}"
                wanted[cell] = expected(route, key, target, broken=broken)
                got[cell] = ask(world, operation, key, target, broken=broken)
    assert got == wanted


@pytest.mark.parametrize("operation", sorted(name for name in ROUTES if name.startswith("GET")))
def test_head_lets_in_whom_get_lets_in(operation: str, world: World) -> None:
    route, head = ROUTES[operation], operation.replace("GET", "HEAD")
    for target in world.targets(route):
        for key in sorted(world.keys):
            for_get = expected(route, key, target, broken=False)  # as the test above asserts
            assert ask(world, head, key, target, broken=False) == for_get


def test_the_table_has_every_route_that_is_served() -> None:
    included = [urls for urls in get_resolver().url_patterns if str(urls.pattern) == ""]
    served = {
        f"{method.upper()} /{str(url.pattern).replace('<id:', '{').replace('>', '}')}"
        for urls in included
        for url in getattr(urls, "url_patterns", [])
        for method in getattr(url.callback, "actions", {})  # of pages there are none
        if method != "head"
    }
    assert served == OPERATIONS == set(ROUTES)
