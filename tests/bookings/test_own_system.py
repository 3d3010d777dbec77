"""A practice's own system: it sees all appointments there, and says what it has entered."""

from datetime import timedelta
from typing import Any

import pytest
from time_machine import Traveller

from bookings.models import Access, Appointment, Event, Task
from bookings.patients import purge
from bookings.patients.record import PARTNER_FIELDS
from bookings.scheduling import appointments, bookings, moving
from bookings.scheduling.actors import PATIENT, Actor
from practices.models import Kind, OwnSystem
from tests import factories
from tests.conftest import Caller
from tests.desk.world import person
from tests.factories import NOON, Scene

ADA = {
    "status": "booked",
    "first_name": "Ada",
    "last_name": "Byron",
    "email": "ada@example.org",
    "phone": "555 0100",
}
ENTERED = {"external_id": "48213", "external_status": "entered"}
FAILED = {"external_status": "failed", "external_reason": "No column that day."}
NOTHING = dict.fromkeys(("external_id", "external_status", "external_reason"))


class System:
    """A partner that is a practice's own system, and a visit there that another partner took."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.maker = Caller(scene.key)
        self.partner = factories.partner(granted=[scene.practice])
        self.key, text = factories.key(self.partner)
        self.call = Caller(text)
        OwnSystem.objects.create(practice=scene.practice, partner=self.partner)
        self.place = self.take(self.maker, status="pending")
        of_practice = f"/onlinescheduling/practice/{scene.practice.pk}"
        self.list, self.feed = f"{of_practice}/appointments", f"{of_practice}/changes"

    def take(self, by: Caller, **said: Any) -> str:
        path = f"/onlinescheduling/booking/{self.scene.booking().pk}/appointments"
        return str(by("POST", path, {**ADA, **said}).headers["Location"])

    @property
    def visit(self) -> Appointment:
        return Appointment.objects.get(pk=self.place.rpartition("/")[2])

    def report(self, **said: Any) -> Any:
        return self.call("PUT", self.place, said)

    def told(self) -> dict[str, Any]:
        said = self.maker("GET", self.place).json()
        return {name: said[name] for name in NOTHING}


@pytest.fixture
def system(scene: Scene) -> System:
    system = System(scene)
    system.maker("PUT", system.place, {"status": "booked"})
    return system


# What it sees ----------------------------------------------------------------------------------


def test_it_reads_every_appointment_of_the_practice_whoever_took_it(system: System) -> None:
    by_itself = system.take(system.call)
    held = system.take(system.maker, status="pending")
    fields: Any = ADA
    booking = system.scene.booking()
    by_patient = appointments.take(booking_id=booking.pk, fields=fields, by=PATIENT, now=NOON)
    listed = system.call("GET", system.list).json()
    paths = {f"/onlinescheduling/appointment/{each['id']}" for each in listed}
    assert paths == {
        system.place,
        by_itself,
        held,
        f"/onlinescheduling/appointment/{by_patient.pk}",
    }
    assert {each["first_name"] for each in listed} == {"Ada"}
    for path in paths:
        assert system.call("GET", path).json() in listed


def test_what_it_reads_is_recorded_with_its_key(system: System, clock: Traveller) -> None:
    clock.shift(timedelta(minutes=1))
    for ask in (
        lambda: system.call("GET", system.place),
        lambda: system.call("GET", system.list),
        system.report,  # changes nothing, and shows the patient
    ):
        assert ask().status_code == 200
        (row,) = Access.objects.all()
        assert (row.api_key, row.appointments) == (system.key, [system.visit.pk])
        Access.objects.all().delete()
    system.report(**ENTERED)
    assert not Access.objects.exists()  # it has an event


@pytest.mark.parametrize("end", ["unmarked", "revoked", "another system"])
def test_it_sees_them_only_while_it_is_marked_and_granted(system: System, end: str) -> None:
    tag = system.call("GET", system.list).headers["ETag"]
    if end == "unmarked":
        OwnSystem.objects.all().delete()
    elif end == "revoked":
        system.partner.practices.clear()
    else:
        OwnSystem.objects.update(partner=system.scene.partner)
    assert system.call("GET", system.place).status_code == 404
    assert system.report(**ENTERED).status_code == 404
    assert system.call("DELETE", system.place).status_code == 404
    listed = system.call("GET", system.list, headers={"If-None-Match": tag})
    if end == "revoked":
        assert listed.status_code == 403
    else:
        assert listed.json() == []  # no 304
    told = system.call("GET", system.feed).json()["changes"]
    assert {each["appointment_id"] for each in told} == {None}
    assert system.told() == NOTHING


def test_marking_tells_the_list_anew(system: System) -> None:
    OwnSystem.objects.all().delete()
    before = system.call("GET", system.list)
    assert before.json() == []
    OwnSystem.objects.create(practice=system.scene.practice, partner=system.partner)
    after = system.call("GET", system.list, headers={"If-None-Match": before.headers["ETag"]})
    assert [each["first_name"] for each in after.json()] == ["Ada"]


def test_it_follows_all_appointments_in_the_feed_without_patients(system: System) -> None:
    feed = system.call("GET", system.feed)
    assert system.visit.pk in {each["appointment_id"] for each in feed.json()["changes"]}
    assert "Ada" not in feed.content.decode()
    OwnSystem.objects.all().delete()
    system.partner.all_practices = True
    system.partner.save()
    OwnSystem.objects.create(practice=system.scene.practice, partner=system.partner)
    system.report(**ENTERED)
    later = system.call("GET", f"{system.feed}?after={feed.json()['cursor']}")
    changes = later.json()["changes"]
    assert [each["appointment_id"] for each in changes] == [system.visit.pk]


def test_another_practices_appointments_are_not_there(system: System, db: None) -> None:
    other = Scene()
    place = System(other).place
    for method, body in (("GET", None), ("PUT", ENTERED), ("DELETE", None)):
        assert system.call(method, place, body).status_code == 404
    system.partner.practices.add(other.practice)
    assert system.call("GET", place).status_code == 404


# What it says ----------------------------------------------------------------------------------


def test_it_says_that_one_is_entered_and_everybody_who_sees_it_reads_that(system: System) -> None:
    assert system.told() == NOTHING
    before = system.call("GET", system.place)
    answer = system.call("PUT", system.place, ENTERED, {"If-Match": before.headers["ETag"]})
    assert answer.status_code == 200
    assert answer.headers["ETag"] != before.headers["ETag"]
    assert system.told() == {**NOTHING, **ENTERED}
    names = list(answer.json())
    assert names[names.index("confirmed_at") + 1 :][:3] == list(NOTHING)
    event = Event.objects.order_by("id").last()
    assert event is not None
    assert (event.api_key, event.from_status, event.to_status) == (system.key, "booked", "booked")
    assert event.changes == {"external_id": [None, "48213"], "external_status": [None, "entered"]}
    again = system.call("PUT", system.place, ENTERED, {"If-Match": before.headers["ETag"]})
    assert again.status_code == 412


def test_no_mail_goes_out_for_it(system: System) -> None:
    before = Task.objects.count()
    for said in (ENTERED, FAILED, dict.fromkeys(NOTHING)):
        assert system.report(**said).status_code == 200
    assert Task.objects.count() == before


def test_failed_has_a_reason_and_nothing_else_has_one(system: System) -> None:
    wrong: tuple[dict[str, Any], ...] = (
        {"external_status": "failed"},
        {"external_status": "failed", "external_reason": ""},
        {"external_status": "entered", "external_reason": "why not"},
        {"external_reason": "why"},
        {"external_status": "maybe"},
        {"external_id": "x" * 101},
        {"external_id": ""},
        {**FAILED, "external_reason": "x" * 201},
        {"external_id": 7},
    )
    for said in wrong:
        assert system.report(**said).status_code == 400, said
    assert system.told() == NOTHING
    system.report(**FAILED)
    assert system.told() == {**NOTHING, **FAILED}
    assert system.report(external_id="7").json()["external_reason"] == FAILED["external_reason"]
    assert system.report(external_reason="Closed.").json()["external_reason"] == "Closed."
    assert system.report(external_reason=None).status_code == 400
    system.report(external_status="entered")
    assert system.told() == {**NOTHING, "external_id": "7", "external_status": "entered"}
    system.report(**dict.fromkeys(NOTHING))
    assert system.told() == NOTHING


def test_whoever_sees_no_patient_reads_no_reason(system: System) -> None:
    source = factories.partner(granted=[system.scene.practice])
    Appointment.objects.update(source=source.pk)
    system.report(**FAILED)
    assert system.told() == {**NOTHING, **FAILED}
    read = Caller(factories.key(source)[1])
    listed = read("GET", system.list).json()
    for said in [read("GET", system.place).json(), *listed]:
        assert (said["external_status"], said["external_reason"]) == ("failed", None)


def test_a_reason_is_in_no_event_and_is_purged_with_the_patient(
    system: System, clock: Traveller
) -> None:
    system.report(**{**FAILED, "external_reason": "There is an Ada Byron already."})
    assert not any("Byron" in str(each.changes) for each in Event.objects.all())
    assert [*purge.purge(NOON + timedelta(days=9), dry_run=False)] == [1]
    assert system.told() == {**NOTHING, "external_status": "failed"}


def test_it_says_whether_the_patient_came(system: System, clock: Traveller) -> None:
    early = system.report(attendance="kept")
    assert (early.status_code, early.json()["reason"]) == (409, "too_early")
    clock.move_to(NOON + timedelta(days=1))
    assert system.report(attendance="kept").json()["attendance"] == "kept"


@pytest.mark.parametrize(
    "said",
    [
        {"phone": "555 0199"},
        {"status": "reserved"},
        {"start_datetime": "2026-06-02T10:00"},
        {"booking_id": "elsewhere"},
        {"language": "es"},
        {**ENTERED, "message": "Hello"},
    ],
)
def test_of_what_it_did_not_make_it_changes_nothing_else(
    system: System, said: dict[str, Any]
) -> None:
    for answer in (system.report(**said), system.call("DELETE", system.place)):
        assert answer.status_code == 403
        assert "external_id, external_status, external_reason and attendance" in str(answer.json())
    assert system.visit.status == "booked"
    assert system.told() == NOTHING


def test_what_it_read_it_can_send_back_and_no_hold_is_renewed(
    system: System, clock: Traveller
) -> None:
    system.place = system.take(system.maker, status="pending")
    until = system.visit.pending_until
    clock.shift(timedelta(minutes=5))
    said = {**system.call("GET", system.place).json(), **ENTERED}
    assert system.report(**said).status_code == 200
    assert system.visit.pending_until == until
    assert system.told() == {**NOTHING, **ENTERED}
    assert getattr(system.visit.unread_person, PARTNER_FIELDS[0]) == "Ada"


def test_what_it_made_itself_it_changes_as_any_partner_does(system: System) -> None:
    system.place = system.take(system.call)
    answer = system.report(phone="555 0199", **ENTERED)
    assert (answer.json()["phone"], answer.json()["external_status"]) == ("555 0199", "entered")
    assert system.call("DELETE", system.place).status_code == 200


def test_no_other_partner_says_it_not_even_of_its_own(system: System) -> None:
    for said in (ENTERED, FAILED, {"external_id": "1"}):
        answer = system.maker("PUT", system.place, said)
        assert answer.status_code == 403
        assert "Only the practice's own system" in answer.json()["detail"]
    assert system.told() == NOTHING
    system.report(**ENTERED)
    read = system.maker("GET", system.place).json()
    assert system.maker("PUT", system.place, {**read, "phone": "555 0199"}).status_code == 200


def test_what_it_says_of_one_visit_is_not_said_of_another_that_is_made_of_it(
    system: System,
) -> None:
    path = f"/onlinescheduling/booking/{system.scene.booking().pk}/appointments"
    made = system.call("POST", path, {**ADA, **ENTERED}).json()
    assert {name: made[name] for name in NOTHING} == NOTHING


# What takes it back ----------------------------------------------------------------------------


def moved(scene: Scene, visit: Appointment) -> None:
    to = scene.booking(start_datetime=NOON + timedelta(days=2))
    moving.move(to={visit.pk: {"booking_id": to.pk}}, by=PATIENT, now=NOON)


def moved_alike(scene: Scene, visit: Appointment) -> None:
    moving.move(to={visit.pk: {"booking_id": scene.booking().pk}}, by=PATIENT, now=NOON)


def with_another_doctor(scene: Scene, visit: Appointment) -> None:
    other = factories.doctor(scene.location, name="Dr. Lund")
    bookings.edit(
        booking_id=visit.booking_id, fields={"doctor_id": other.pk}, by=scene.actor, now=NOON
    )


def at_another_time(scene: Scene, visit: Appointment) -> None:
    fields: Any = {"start_datetime": NOON + timedelta(days=3)}
    bookings.edit(booking_id=visit.booking_id, fields=fields, by=scene.actor, now=NOON)


def cancelled(scene: Scene, visit: Appointment) -> None:
    appointments.cancel(appointment_id=visit.pk, by=PATIENT, now=NOON)


def with_another_phone(scene: Scene, visit: Appointment) -> None:
    appointments.edit(
        appointment_id=visit.pk, fields={"phone": "555 0199"}, by=scene.actor, now=NOON
    )


@pytest.mark.parametrize(
    ("change", "takes_back"),
    [
        (moved, True),
        (with_another_doctor, True),
        (at_another_time, True),
        (cancelled, True),
        (moved_alike, False),
        (with_another_phone, False),
    ],
)
def test_another_time_or_doctor_and_a_cancellation_take_it_back(
    system: System, change: Any, takes_back: bool
) -> None:
    for said in (ENTERED, {"external_id": "48213", **FAILED}):
        place = system.place = system.take(system.maker)
        system.report(**said)
        change(system.scene, system.visit)
        left = {"external_id": "48213"} if takes_back else said
        assert system.told() == {**NOTHING, **left}, place


def test_an_acknowledged_cancellation_stays_so(system: System) -> None:
    cancelled(system.scene, system.visit)
    assert system.report(**ENTERED).json()["status"] == "cancelled"
    at_another_time(system.scene, system.visit)
    assert system.told() == {**NOTHING, **ENTERED}


def test_an_exact_time_takes_it_back_unless_it_is_said_along(clock: Any, db: None) -> None:
    system = System(Scene(Kind.RANGE))
    system.place = system.take(system.call, status="reserved")
    system.report(**ENTERED)
    fields: Any = {"start_datetime": NOON + timedelta(days=1)}
    staff = Actor.of_staff(person("desk", system.scene.practice))
    appointments.edit(appointment_id=system.visit.pk, fields=fields, by=staff, now=NOON)
    assert system.visit.external_status is None
    later = system.report(start_datetime="2026-06-02T15:00", external_status="entered")
    assert (later.json()["external_id"], later.json()["external_status"]) == ("48213", "entered")
