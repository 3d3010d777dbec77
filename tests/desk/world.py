"""Two practices with a row of every model, for tests of tenant isolation."""

import html
import re
from datetime import datetime
from typing import Any

from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.test import Client

from bookings.models import (
    SUBSCRIBED,
    Access,
    ActorKind,
    Appointment,
    Booking,
    Event,
    Series,
    Task,
    Webhook,
)
from bookings.scheduling import appointments, bookings
from bookings.scheduling.actors import Actor
from openchair import encryption
from practices.models import ApiKey, Doctor, Kind, Location, Membership, Partner, Practice
from tests import factories
from tests.factories import NOON

User = get_user_model()


def person(username: str, *works_for: Practice, **values: Any) -> Any:
    """Make an account that may log in."""
    made = User.objects.create_user(username, is_staff=True)
    for name, value in values.items():
        setattr(made, name, value)
    made.save()
    for practice in works_for:
        Membership.objects.create(user=made, practice=practice)
    return made


def browser(user: Any) -> Client:
    """Return a logged-in client."""
    client = Client(headers={"host": "localhost"})
    client.force_login(user)
    return client


class House:
    """A practice with a row of every model; every name begins with the same word."""

    def __init__(self, word: str, kind: Kind = Kind.EXACT) -> None:
        self.word = word
        self.practice = factories.practice(kind, id=f"{word}P", name=f"{word} Orthodontics")
        self.location = factories.location(
            self.practice, id=f"{word}L", name=f"{word} Square", city=f"{word}ville"
        )
        self.doctor = factories.doctor(self.location, id=f"{word}D", name=f"Dr. {word}son")
        self.partner = factories.partner(
            granted=[self.practice], id=f"{word}R", name=f"{word} Partner"
        )
        self.key, self.key_text = factories.key(self.partner, label=f"{word} label")
        self.staff = person(f"{word.lower()}-desk", self.practice, first_name=f"{word}ina")
        self.actor = Actor.of_key(self.key)
        self.booking = self.publish("B")
        self.weekly = self.publish("W", recurring=True, start=datetime(2026, 6, 3, 14))  # noqa: DTZ001
        self.appointment = self.patient(self.booking)
        self.webhook = Webhook.objects.create(
            partner=self.partner,
            url=f"https://{word.lower()}.example/",
            types=SUBSCRIBED,
            secret=encryption.seal(f"whsec_{word}"),
            sealed_by=encryption.key_names()[0],
            created_at=NOON,
        )
        self.access = Access.objects.create(
            at=NOON,
            practice=self.practice,
            actor=ActorKind.PARTNER,
            api_key=self.key,
            method="GET",
            route=f"/{word}/",
            appointments=[self.appointment.pk],
        )
        LogEntry.objects.log_actions(
            self.staff.pk, [self.doctor], CHANGE, f"{word} changed", single_object=True
        )

    def publish(
        self,
        id_ends: str,
        *,
        start: datetime = datetime(2026, 6, 2, 9),  # noqa: DTZ001  # wall time
        by: Actor | None = None,
        **values: Any,
    ) -> Booking:
        """Create a booking with three places."""
        fields: Any = {
            "location_id": self.location.pk,
            "doctor_id": self.doctor.pk,
            "start_datetime": start,
            "total_appointments": 3,
            **values,
        }
        return bookings.publish(
            fields=fields, by=by or self.actor, now=NOON, booking_id=f"{self.word}{id_ends}"
        )

    def patient(self, booking: Booking, *, now: datetime = NOON, **values: Any) -> Appointment:
        """Take a place for a patient."""
        fields: Any = {
            "status": "reserved" if self.practice.kind == Kind.RANGE else "booked",
            "first_name": f"{self.word}ette",
            "last_name": f"{self.word}field",
            "phone": "555 0100",
            "email": f"{self.word.lower()}@example.org",
            **values,
        }
        return appointments.take(booking_id=booking.pk, fields=fields, by=self.actor, now=now)

    def address(self, page: str) -> str:
        """Return the URL of a page of this practice's desk."""
        return f"/admin/desk/{self.practice.pk}/{page}"

    def rows(self) -> dict[type[Model], Any]:
        """Return a row of every model that is registered or in an address."""
        return {
            Practice: self.practice,
            Location: self.location,
            Doctor: self.doctor,
            Membership: self.staff.memberships.get(),
            Partner: self.partner,
            ApiKey: self.key,
            User: self.staff,
            Booking: self.booking,
            Appointment: self.appointment,
            Series: Series.objects.get(practice=self.practice),
            Event: Event.objects.filter(practice=self.practice).first(),
            Access: self.access,
            Webhook: self.webhook,
            Task: Task.objects.filter(appointment=self.appointment).first(),
        }

    def secrets(self) -> set[str]:
        """List what nobody else may read: names, ids that the server made, keys."""
        return {self.word, self.word.lower(), self.appointment.pk, self.key.prefix, self.key.digest}


def named(first_name: str) -> Appointment:
    rows = Appointment.objects.all()
    (appointment,) = (each for each in rows if each.person.first_name == first_name)
    return appointment


def said(response: Any) -> str:
    """Return a page's text without tags, with single spaces."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def forms(page: Any, action: str = "") -> list[dict[str, list[str]]]:
    """Return what each form with such an action would send, without a button's own value."""
    body, found = page.content.decode(), []
    for inside in re.findall(
        rf'<form method="\w+"[^>]*{action}[^>]*>(.*?)</form>', body, re.DOTALL
    ):
        sent: dict[str, list[str]] = {}
        for tag in re.findall(r"<(?:input|textarea) [^>]*>", inside):
            said_of = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
            is_box = said_of.get("type") == "checkbox"
            if not is_box or " checked" in tag:
                value = html.unescape(said_of.get("value", "on" if is_box else ""))
                sent.setdefault(said_of["name"], []).append(value)
        found.append(sent)
    return found
