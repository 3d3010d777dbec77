"""No face offers what another denies: the API, the public list, the booking page and its links.

Random changes by partners, patients, staff and the clock; after each, all are asked, at one number
of the feed.
"""

import re
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run

from bookings import walltime
from bookings.booking_page.opening import url
from bookings.booking_page.state import State
from bookings.models import Appointment, Booking, Feed, Status
from bookings.representation import time_range
from bookings.scheduling import appointments, bookings
from openchair.errors import Refused
from practices.models import BookingPage, Kind, Location
from tests import factories
from tests.booking_page.journey import Browser
from tests.booking_page.walk import ADULT, Patient
from tests.conftest import Caller
from tests.factories import NOON, Scene
from tests.smart import lists

MOST = 4
"""Openings at once, so that each can be asked about after each step."""


class Faces(RuleBasedStateMachine):
    """Changes one practice, and compares what it offers here and there."""

    clock: time_machine.Traveller
    steps = 0

    @initialize(kind=st.sampled_from(Kind))
    def begin(self, kind: Kind) -> None:
        self.clock.move_to(NOON, tick=False)
        self.scene = Scene(kind)
        self.api = Caller(self.scene.key)
        far = factories.location(self.scene.practice, "Pacific/Honolulu", name="West")
        self.doctors = [self.scene.doctor, factories.doctor(far, name="Dr. Keller")]
        self.doctors[1].locations.add(self.scene.location)
        self.page = lists.listed(self.scene, notice_hours=2, horizon_days=4)
        self.publish(hours=3, nth=0, places=1)
        self.publish(hours=26, nth=1, places=1)

    @property
    def now(self) -> datetime:
        return walltime.now()

    def openings(self) -> list[Booking]:
        rows = Booking.objects.filter(practice=self.scene.practice)
        return list(rows.select_related("location", "doctor").order_by("created_at", "pk"))

    @precondition(lambda self: len(self.openings()) < MOST)
    @rule(
        hours=st.sampled_from([1, 2, 3, 26, 95, 97]),
        nth=st.integers(0, 2),
        places=st.integers(1, 2),
    )
    def publish(self, hours: int, nth: int, places: int) -> None:
        """Publish one: soon, late, or beyond the horizon."""
        doctor = self.doctors[nth > 0]
        at = Location.objects.filter(practice=self.scene.practice).order_by("name")[nth == 2]
        if not doctor.locations.contains(at):
            return
        self.scene.booking(
            now=self.now,
            start_datetime=self.now + timedelta(hours=hours),
            location_id=at.pk,
            doctor_id=doctor.pk,
            total_appointments=places,
        )

    @rule(nth=st.integers(0, MOST - 1), status=st.sampled_from(["pending", "reserved"]))
    def partner_takes(self, nth: int, status: str) -> None:
        is_range = self.scene.practice.range_bookings
        fields: Any = {"status": status if is_range or status == "pending" else "booked"}
        for booking in self.openings()[nth : nth + 1]:
            try:
                appointments.take(
                    booking_id=booking.pk, fields=fields, by=self.scene.actor, now=self.now
                )
            except Refused:
                assert booking.pk not in self.offered()

    @rule(nth=st.integers(0, MOST - 1))
    def patient_follows_a_link(self, nth: int) -> None:
        for booking in self.openings()[nth : nth + 1]:
            is_offered = booking.pk in self.offered(after=timedelta(seconds=10))
            patient = Patient(self.scene.practice, self.clock)
            patient.client.defaults["REMOTE_ADDR"] = f"192.0.2.{Appointment.objects.count() % 250}"
            patient.get(url(self.scene.practice.pk, booking.pk)).send(**ADULT)
            held = Appointment.objects.filter(booking=booking).order_by("pk").last()
            assert patient.step == ("details" if is_offered else "gone")
            assert not is_offered or (held is not None and held.status == "pending")

    @rule(nth=st.integers(0, 5))
    def somebody_cancels(self, nth: int) -> None:
        rows = Appointment.objects.filter(booking__practice=self.scene.practice)
        for each in rows.exclude(status__in=["cancelled", "expired"]).order_by("pk")[nth : nth + 1]:
            appointments.cancel(appointment_id=each.pk, by=self.scene.actor, now=self.now)

    @rule(nth=st.integers(0, MOST - 1))
    def office_closes(self, nth: int) -> None:
        for booking in self.openings()[nth : nth + 1]:
            try:
                bookings.close(booking_id=booking.pk, by=self.scene.actor, now=self.now)
            except Refused:
                assert booking.appointments.exists()

    @rule(nth=st.integers(0, MOST - 1), hours=st.sampled_from([-3, 1, 30]))
    def office_moves(self, nth: int, hours: int) -> None:
        for booking in self.openings()[nth : nth + 1]:
            fields: Any = {"start_datetime": booking.start_datetime + timedelta(hours=hours)}  # type: ignore[operator]
            try:
                bookings.edit(
                    booking_id=booking.pk, fields=fields, by=self.scene.actor, now=self.now
                )
            except Refused:
                assert booking.status == Status.CLOSED

    @rule(notice=st.sampled_from([0, 2, 24]), horizon=st.sampled_from([1, 4]))
    def office_changes_the_rules(self, notice: int, horizon: int) -> None:
        rows = BookingPage.objects.filter(pk=self.page.pk)
        rows.update(notice_hours=notice, horizon_days=horizon)

    @rule(locations=st.integers(0, 2), doctors=st.integers(0, 2))
    def office_shows_others(self, locations: int, doctors: int) -> None:
        here = Location.objects.filter(practice=self.scene.practice).order_by("name")
        self.page.locations.set([*here][:locations])
        self.page.doctors.set(self.doctors[:doctors])

    @rule(works=st.booleans())
    def a_doctor_comes_or_leaves(self, works: bool) -> None:
        change = self.doctors[1].locations.add if works else self.doctors[1].locations.remove
        change(self.scene.location)

    @rule(zip_code=st.sampled_from(["", "10033", "10033"]))
    def an_address_is_lost_or_found(self, zip_code: str) -> None:
        Location.objects.filter(pk=self.scene.location.pk).update(zip=zip_code)

    @rule(seconds=st.sampled_from([1, 300, 890, 3600, 3600, 7200, 86_400]))
    def time_passes(self, seconds: int) -> None:
        self.clock.shift(seconds)

    def offered(self, after: timedelta = timedelta()) -> set[str]:
        """Return what is open in the API and inside the page's rules, which are told anew here."""
        self.clock.shift(after)
        answer = self.api(
            "GET", f"/onlinescheduling/practice/{self.scene.practice.pk}/bookings?status=open"
        )
        self.clock.shift(-after)
        page = BookingPage.objects.get(pk=self.page.pk)
        every = Location.objects.filter(practice=self.scene.practice)
        locations = {each.pk for each in page.locations.all() or every}
        doctors = {
            each.pk
            for each in self.doctors
            if each.locations.filter(pk__in=locations).exists()
            and (not page.doctors.exists() or each in page.doctors.all())
        }
        now = self.now + after
        return {
            each["id"]
            for each in answer.json()
            if each["location_id"] in locations
            and each["doctor_id"] in doctors
            and datetime.fromisoformat(each["start_datetime"]) > now
            and datetime.fromisoformat(each["start_datetime"])
            >= now + timedelta(hours=page.notice_hours)
            and datetime.fromisoformat(each["start_datetime"])
            <= now + timedelta(days=page.horizon_days)
        }

    def on_the_page(self) -> set[Any]:
        """Return what the steps of the booking page offer, by what they tell apart."""
        browser = Browser(self.scene)
        people = (("Ada", "Lovelace"),)
        begun = State.begin(self.scene.practice.pk, self.now - timedelta(minutes=1), people=people)
        browser.state = begun.sealed()
        days = browser.open("day").page
        found = set()
        for day in re.findall(r'name="day"[^>]* value="([^"]*)"', days):
            browser.open("day").send("day", day=day)
            found |= {self.told_apart(Booking.objects.get(pk=each)) for each in browser.times()}
        return found

    def told_apart(self, booking: Booking) -> Any:
        start = booking.start_datetime
        assert start is not None
        if not self.scene.practice.range_bookings:
            return booking.location_id, start
        zone = booking.location.zone
        return booking.location_id, start.astimezone(zone).date(), time_range(start, zone)

    @invariant()
    def every_face_offers_the_same(self) -> None:
        if not hasattr(self, "page"):
            return
        type(self).steps += 1
        slots = lists.slots(self.scene.practice)  # first, for it settles what has ended by itself
        before = Feed.objects.get(practice=self.scene.practice).newest
        offered = self.offered()
        openings = {each.pk: each for each in self.openings()}
        listed = {pk for pk in offered if openings[pk].location.zip}
        assert {pk for pk, slot in slots.items() if slot["status"] == "free"} == listed
        assert self.on_the_page() == {self.told_apart(openings[pk]) for pk in offered}
        for pk in openings:
            shown = Browser(self.scene).follow(url(self.scene.practice.pk, pk)).page
            assert ("this time is kept for you" in shown) == (pk in offered)
        assert Feed.objects.get(practice=self.scene.practice).newest == before


@pytest.mark.parametrize("steps", [20, pytest.param(400, marks=pytest.mark.nightly)])
@pytest.mark.django_db
def test_so_many_changes_keep_the_faces_alike(steps: int, clock: time_machine.Traveller) -> None:
    Faces.clock = clock
    Faces.steps = 0
    run(
        Faces,
        settings=settings(
            max_examples=steps // 10,
            stateful_step_count=10,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # Shrinking a failure takes minutes: each step asks every face.
            phases=[Phase.generate],
        ),
    )
    assert Faces.steps > steps / 2  # some examples are shorter
