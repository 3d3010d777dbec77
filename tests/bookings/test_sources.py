"""The partner from whose page a patient came: it sees the visit, and not the patient."""

from typing import Any

import pytest

from bookings.models import Access, Appointment
from bookings.patients.record import PARTNER_FIELDS
from bookings.scheduling import appointments, families
from bookings.scheduling.actors import PATIENT
from practices.models import Partner
from tests import factories
from tests.conftest import Caller
from tests.factories import NOON, Scene

SAID = {"booking_referral": "flyer", "utm_campaign": "fall"}


class Source:
    """A partner that is granted the practice, and a visit of a patient who came from it."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        self.partner = factories.partner(granted=[scene.practice])
        self.call = Caller(factories.key(self.partner)[1])
        self.visit = self.take(self.partner)
        self.path = f"/onlinescheduling/appointment/{self.visit.pk}"
        of_practice = f"/onlinescheduling/practice/{scene.practice.pk}"
        self.list, self.feed = f"{of_practice}/appointments", f"{of_practice}/changes"

    def take(self, of: Partner | str) -> Appointment:
        person = dict.fromkeys(PARTNER_FIELDS, "Canary") | {"email": "canary@example.org"}
        wanted: Any = {"booking_id": self.scene.booking().pk, "status": "booked", **person}
        source = of if isinstance(of, str) else of.pk
        (visit,) = families.take(
            wanted=[wanted], by=PATIENT, now=NOON, source=source, attribution=SAID
        )
        return visit


@pytest.fixture
def source(scene: Scene) -> Source:
    return Source(scene)


def test_it_sees_the_visit_and_where_the_patient_came_from(source: Source) -> None:
    visit = appointments.confirm(appointment_id=source.visit.pk, by=PATIENT, now=NOON)
    answer = source.call("GET", source.path)
    said = answer.json()
    assert (said["id"], said["status"], said["source"]) == (visit.pk, "booked", source.partner.pk)
    assert said["start_datetime"] == "2026-06-02T09:00:00.000-04:00"
    assert said["confirmed_at"] == "2026-06-01T12:00:00.000-04:00"
    assert (said["attribution"], said["group_id"]) == (SAID, visit.group_id)
    assert source.call("GET", source.list).json() == [said]
    tag = {"If-None-Match": answer.headers["ETag"]}
    assert source.call("GET", source.path, headers=tag).status_code == 304


def test_it_sees_nothing_of_the_patient_and_is_not_noted_as_if(source: Source) -> None:
    for path in (source.path, source.list, source.feed):
        assert "canary" not in source.call("GET", path).content.decode().lower()
    assert {source.call("GET", source.path).json()[name] for name in PARTNER_FIELDS} == {""}
    assert not Access.objects.exists()


def test_it_changes_nothing(source: Source) -> None:
    for method, body in (("PUT", {"status": "booked"}), ("DELETE", None)):
        assert source.call(method, source.path, body).status_code == 404
    assert Appointment.objects.get().status == "booked"


def test_it_follows_the_visit_in_the_feed(source: Source) -> None:
    changes = source.call("GET", source.feed).json()["changes"]
    assert source.visit.pk in {each["appointment_id"] for each in changes}


def test_nobody_else_sees_it(source: Source, api: Caller) -> None:
    """Neither another partner of the practice, nor one that is named and not granted it."""
    stranger = factories.partner()
    named = source.take(stranger)
    others = ((api, source.visit), (Caller(factories.key(stranger)[1]), named))
    for call, visit in others:
        assert call("GET", f"/onlinescheduling/appointment/{visit.pk}").status_code == 404
        listed = call("GET", source.list)
        assert listed.status_code == 403 or listed.json() == []
        told = call("GET", source.feed).json()["changes"]
        assert {each["appointment_id"] for each in told} == {None}


def test_any_text_is_a_source_and_nobodys(source: Source, api: Caller) -> None:
    visit = source.take("a flyer, page 3")
    for call in (api, source.call):
        assert call("GET", f"/onlinescheduling/appointment/{visit.pk}").status_code == 404


def test_what_a_partner_took_itself_it_reads_whole(
    scene: Scene, api: Caller, source: Source
) -> None:
    path = f"/onlinescheduling/booking/{scene.booking().pk}/appointments"
    said = api("POST", path, {"first_name": "Ada", "language": "es", "source": scene.partner.pk})
    assert (said.json()["first_name"], said.json()["source"]) == ("Ada", None)
    place = said.headers["Location"]
    assert api("GET", place).json() == {**said.json(), "language": "es", "group_id": None}
    edited = api("PUT", place, {"language": "en"}, {"If-Match": said.headers["ETag"]})
    assert edited.json()["language"] == "en"
    assert api("GET", place, headers={"If-None-Match": said.headers["ETag"]}).status_code == 200
    assert api("PUT", place, edited.json()).status_code == 200
