"""Property-based test (Hypothesis) of a booking's statuses, against a small model."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
import time_machine
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from hypothesis.stateful import run_state_machine_as_test as run

from bookings import walltime
from bookings.models import Appointment, Booking, Event
from bookings.representation import of_booking
from bookings.scheduling import appointments, moving
from openchair.errors import Refused
from practices.models import Kind
from tests.conftest import Caller
from tests.factories import NOON, Scene

HOLD, LONGEST_HOLD = timedelta(seconds=900), timedelta(seconds=3600)
STARTS = {"exact": "2026-06-02T09:00", "range": "2026-06-02T10:30"}
TAKING = ["pending", "reserved", "booked"]
MOVES = {
    "exact": {"open": ["pending", "booked"], "pending": ["open", "booked"], "booked": ["open"]},
    "range": {
        "open": ["pending", "reserved", "booked"],
        "pending": ["open", "reserved", "booked"],
        "reserved": ["open", "booked"],
        "booked": ["open"],
    },
}


@dataclass
class Place:
    """A taken place of the model."""

    status: str
    patient: str | None
    since: datetime
    until: datetime


class Model:
    """The contract's section 1 for one booking, in as few lines as possible."""

    def __init__(self, kind: str, total: int, has_start: bool) -> None:
        self.kind, self.total, self.has_start = kind, total, has_start
        self.places: list[Place] = []
        self.elsewhere: list[Place] = []
        self.closed = False

    @property
    def free(self) -> int:
        return self.total - len(self.places)

    def count(self, status: str) -> int:
        return sum(place.status == status for place in self.places)

    @property
    def status(self) -> str:
        if self.closed:
            return "closed"
        if self.free > 0 and self.has_start:
            return "open"
        fixed = self.count("reserved") + self.count("booked")
        if self.count("pending") or not (self.has_start or fixed):
            return "pending"
        return "reserved" if self.count("reserved") else "booked"

    @property
    def available(self) -> int:
        taken = self.count("reserved") + self.count("booked")
        return 0 if self.closed else self.total - taken

    def lapse(self, now: datetime) -> None:
        self.places, self.elsewhere = (
            [place for place in places if place.status != "pending" or place.until > now]
            for places in (self.places, self.elsewhere)
        )

    def take(self, count: int, status: str, now: datetime, patient: str | None = None) -> None:
        self.places += [Place(status, patient, now, now + HOLD) for _ in range(count)]

    def put(self, wanted: str, now: datetime, *, says_start: bool) -> int:
        """Apply a PUT of a status; return the expected status code."""
        before = self.status
        if before == "closed":
            return 200 if wanted == "closed" and not says_start else 409
        had_start, self.has_start = self.has_start, self.has_start or says_start
        ours = [place for place in self.places if place.patient is None]
        gives_back = wanted == "open" != before and ours
        if wanted == self.status and not gives_back:
            self.renew(ours, wanted, now)
            return 200
        code = self._move(before, wanted, ours, now, says_start=says_start)
        if code != 200:
            self.has_start = had_start
        return code

    def renew(self, ours: list[Place], wanted: str, now: datetime) -> None:
        """`pending` renews the holds there are, whether or not free places join them."""
        for place in ours:
            if wanted == place.status == "pending":
                place.until = max(place.until, min(now + HOLD, place.since + LONGEST_HOLD))

    def _move(
        self, before: str, wanted: str, ours: list[Place], now: datetime, *, says_start: bool
    ) -> int:
        if wanted not in [before, *MOVES[self.kind][before]]:
            return 409
        if wanted == "booked" and self.kind == "range" and not says_start:
            return 400
        if wanted in {"open", "booked"} and not self.has_start:
            return 400
        if wanted == "open":
            rest = [place for place in self.places if place.patient is not None]
            if self.total == len(rest):
                return 409
            self.places = rest
            return 200
        self.renew(ours, wanted, now)
        behind = [place for place in ours if TAKING.index(place.status) < TAKING.index(wanted)]
        there = [place for place in ours if place.status == wanted]
        if wanted != "pending" and not behind and not there and not self.free:
            return 409
        for place in behind:
            place.status = wanted
        held = [place for place in ours if place.status == wanted == "pending"]
        # The whole booking has one hold, which what is held later joins.
        since, until = (held[0].since, held[0].until) if held else (now, now + HOLD)
        self.places += [Place(wanted, None, since, until) for _ in range(self.free)]
        return 200


class OpeningMachine(RuleBasedStateMachine):
    """Drives the API and the model side by side."""

    clock: time_machine.Traveller
    steps = 0

    @initialize(
        kind=st.sampled_from(["exact", "range"]),
        total=st.sampled_from([1, 3]),
        has_start=st.sampled_from([True, True, True, False]),
    )
    def begin(self, kind: str, total: int, has_start: bool) -> None:
        self.clock.move_to(NOON, tick=False)
        self.scene = Scene(Kind(kind))
        self.api = Caller(self.scene.key)
        start = STARTS[kind] if has_start else None
        fields = self.scene.fields(total_appointments=total, start_datetime=start)
        made = self.api("POST", "/onlinescheduling/booking", fields)
        assert made.status_code == 201
        self.path = made.headers["Location"]
        self.pk = made.json()["id"]
        self.model = Model(kind, total, has_start)
        self.other = self.scene.booking(total_appointments=50)

    @property
    def now(self) -> datetime:
        return walltime.now()

    def see_lapsed(self) -> None:
        type(self).steps += 1
        self.model.lapse(self.now)

    @rule(
        wanted=st.sampled_from(["open", "pending", "reserved", "booked", "closed"]),
        says_start=st.booleans(),
    )
    def put_status(self, wanted: str, says_start: bool) -> None:
        self.put(wanted, says_start=says_start)

    def put(self, wanted: str, *, says_start: bool) -> None:
        self.see_lapsed()
        fields = {"status": wanted}
        if says_start:
            fields["start_datetime"] = STARTS[self.model.kind]
        was_closed_with_start = self.model.closed and self.model.has_start
        code = self.model.put(wanted, self.now, says_start=says_start)
        if was_closed_with_start and wanted == "closed":
            code = 200  # the same time again changes nothing either
        assert self.api("PUT", self.path, fields).status_code == code

    @rule(seconds=st.sampled_from([1, 300, 600]))
    def wait_a_little_and_ask_for_the_same_again(self, seconds: int) -> None:
        self.wait(seconds)
        self.put(self.model.status, says_start=False)

    @rule(total=st.integers(1, 4))
    def resize(self, total: int) -> None:
        self.see_lapsed()
        answer = self.api("PUT", self.path, {"total_appointments": total})
        if self.model.closed:
            assert answer.status_code == (200 if total == self.model.total else 409)
        elif total < len(self.model.places):
            assert answer.status_code == 409
        else:
            assert answer.status_code == 200
            self.model.total = total

    @rule(seldom=st.integers(0, 7))
    def delete(self, seldom: int) -> None:
        """Delete seldom: afterwards little can happen to a booking."""
        self.see_lapsed()
        if seldom:
            return
        answer = self.api("DELETE", self.path)
        if any(place.patient is not None for place in self.model.places):
            assert answer.status_code == 409
            return
        assert answer.json() == {"id": self.pk, "status": "closed"}
        self.model.closed, self.model.places = True, []

    @rule(status=st.sampled_from(TAKING))
    def patient_takes(self, status: str) -> None:
        self.see_lapsed()
        is_range = self.model.kind == "range"
        fields: Any = {"status": status, "first_name": "Ada"}
        if is_range and status == "booked":
            fields["start_datetime"] = datetime.fromisoformat(STARTS["range"])
        allowed = self.model.status == "open" and (is_range or status != "reserved")
        try:
            place = appointments.take(
                booking_id=self.pk, fields=fields, by=self.scene.actor, now=self.now
            )
        except Refused:
            assert not allowed
        else:
            assert allowed
            self.model.take(1, status, self.now, patient=place.pk)

    @rule(nth=st.integers(0, 3))
    def patient_cancels(self, nth: int) -> None:
        self.see_lapsed()
        patients = [place for place in self.model.places if place.patient is not None]
        if nth < len(patients):
            pk = patients[nth].patient
            assert pk is not None
            appointments.cancel(appointment_id=pk, by=self.scene.actor, now=self.now)
            self.model.places.remove(patients[nth])

    @rule(nth=st.integers(0, 5))
    def patient_moves_to_another_opening_or_back(self, nth: int) -> None:
        self.see_lapsed()
        here, there = self.model.places, self.model.elsewhere
        patients = [place for place in [*here, *there] if place.patient is not None]
        if nth >= len(patients):
            return
        moved = patients[nth]
        goes = moved in here
        to: Any = {"booking_id": self.other.pk if goes else self.pk}
        if self.model.kind == "range" and moved.status == "booked":
            to["start_datetime"] = datetime.fromisoformat(STARTS["range"])
        try:
            moving.move(to={str(moved.patient): to}, by=self.scene.actor, now=self.now)
        except Refused:
            assert not goes
            assert self.model.status != "open"
        else:
            assert goes or self.model.status == "open"
            (here if goes else there).remove(moved)
            (there if goes else here).append(moved)

    @rule(seconds=st.sampled_from([1, 300, 899, 900, 900, 2700]))
    def time_passes(self, seconds: int) -> None:
        self.wait(seconds)

    def wait(self, seconds: int) -> None:
        self.clock.shift(seconds)
        self.see_lapsed()

    @invariant()
    def the_api_says_what_the_model_says(self) -> None:
        if not hasattr(self, "model"):
            return
        said = self.api("GET", self.path).json()
        assert said["status"] == self.model.status
        assert said["available_appointments"] == self.model.available
        assert said["total_appointments"] == self.model.total
        until = [place.until for place in self.model.places if place.status == "pending"]
        shown = said["pending_until"]
        expected = min(until) if until and self.model.status == "pending" else None
        assert (shown and datetime.fromisoformat(shown)) == expected

    @invariant()
    def what_is_kept_to_be_shown_is_what_would_be_written_now(self) -> None:
        for booking in Booking.objects.select_related("location", "practice"):
            kept, booking.shown_as = booking.shown_as and booking.shown, ""
            # Two changes in the same millisecond can read alike; then the second is not kept.
            assert kept in {"", of_booking(booking)}

    def teardown(self) -> None:
        booking = Booking.objects.get(pk=self.pk)
        rows = Appointment.objects.filter(booking=booking)
        for status in TAKING:
            whole, counted = (getattr(booking, f"{of}_{status}") for of in ("whole", "places"))
            assert rows.filter(status=status).count() + whole == counted
        self._check_record(Event.objects.filter(booking=booking, appointment=None))
        of_patients = Event.objects.filter(practice=booking.practice_id, appointment__isnull=False)
        self._check_record(of_patients)

    def _check_record(self, events: Any) -> None:
        """Events: each status begins where the one before ended, of the booking and each place."""
        last: dict[str | None, str] = {}
        for event in events.order_by("pk"):
            assert event.from_status == last.get(event.appointment_id, "")
            last[event.appointment_id] = event.to_status


@pytest.mark.parametrize("steps", [500, pytest.param(2000, marks=pytest.mark.nightly)])
@pytest.mark.django_db
def test_so_many_steps_agree_with_the_model(steps: int, clock: time_machine.Traveller) -> None:
    OpeningMachine.clock = clock
    OpeningMachine.steps = 0
    run(
        OpeningMachine,
        settings=settings(
            max_examples=steps // 25,
            stateful_step_count=50,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
    assert OpeningMachine.steps >= steps
