"""Search of a practice's visits by name, phone, e-mail and reference, over sealed patients."""

from datetime import datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.models import Appointment, SearchTerm
from bookings.patients import terms
from bookings.patients.record import Patient
from bookings.patients.search import already, family, search
from bookings.scheduling import appointments
from tests.bookings.test_patients import new_key, reencrypt
from tests.desk.world import House
from tests.factories import NOON, Scene

ADA: dict[str, Any] = {
    "first_name": "María José",
    "last_name": "O’Brien-Núñez",
    "email": "Ada@Example.org",
    "phone": "+1 (212) 555-0177 x12",
    "guardian_name": "Christopher Byron",
    "status": "booked",
}


def take(scene: Scene, *, now: datetime = NOON, **values: Any) -> Appointment:
    booking = scene.booking(start_datetime=values.pop("at", scene.fields()["start_datetime"]))
    fields: Any = {**ADA, **values}
    return appointments.take(booking_id=booking.pk, fields=fields, by=scene.actor, now=now)


def found(scene: Scene, text: str, now: datetime = NOON) -> list[Appointment]:
    return search(scene.practice.pk, text, now=now).visits


@pytest.mark.parametrize(
    "text",
    [
        *("maria jose", " Nunez, María", "mariajose", "nuñez o'brien", "MAR NUN"),
        *("obrien", "O'BRIEN", "O’Brien-Núñez", "o brien", "brien, m"),
        *("byron", "christopher byron", "chris nunez", "Byron, Christopher; María"),
        *("0177", "555-0177", "2125550177", "+1 (212) 555-0177", "0012125550177"),
        *("nunez 0177", "77 nunez", "ada@example.ORG", "Maria <ada@example.org>,"),
    ],
)
def test_a_visit_is_found_by(scene: Scene, text: str) -> None:
    ada = take(scene)
    take(scene, first_name="Ben", last_name="Li", phone="1", email="", guardian_name="")
    assert found(scene, text) == [ada]


@pytest.mark.parametrize(
    "text",
    ["", "'", "77", "177", "1177", "nunezz", "christophes", "nunez 0178", "ada@", "\x00", "%"],
)
def test_a_visit_is_not_found_by(scene: Scene, text: str) -> None:
    take(scene)
    assert found(scene, text) == []


@pytest.mark.parametrize(
    ("name", "text"),
    [("OBrien", "O'Brien"), ("OBrien", "o brien"), ("de la Cruz", "delacruz"), ("Li", "li"),
     ("Delacruz", "de la cruz"), ("Łukasz", "lukasz"), ("Şahin", "sahin"), ("李小龙", "李小龙")],
)  # fmt: skip
def test_a_last_name_is_found_as_it_is_typed(scene: Scene, name: str, text: str) -> None:
    assert found(scene, text) == []
    ada = take(scene, last_name=name, guardian_name="")
    assert found(scene, text) == [ada]


def test_a_reference_is_found_exactly_as_it_is_written(scene: Scene) -> None:
    ada = take(scene)
    assert found(scene, ada.pk) == found(scene, f" {ada.booking_id} ") == [ada]
    assert found(scene, ada.pk.swapcase()) == []


def test_visits_to_come_are_first_then_the_latest_then_the_cancelled(scene: Scene) -> None:
    days = [datetime(2026, 6, day, 9) for day in (2, 3, 4, 5, 6)]  # noqa: DTZ001  # wall time
    second, third, fourth, fifth, sixth = [take(scene, at=day) for day in days]
    appointments.cancel(appointment_id=fifth.pk, by=scene.actor, now=NOON)
    later = NOON + timedelta(days=2)
    assert found(scene, "nunez", later) == [fourth, sixth, third, second, fifth]


def test_of_a_name_that_very_many_have_the_nearest_are_found(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bookings.patients.search._SORTED", 2)
    days = [datetime(2026, 6, day, 9) for day in (2, 3, 4)]  # noqa: DTZ001  # wall time
    second, third, fourth = [take(scene, at=day) for day in days]
    some = search(scene.practice.pk, "nunez", now=NOON + timedelta(days=2))
    assert (some.visits, some.are_more) == ([fourth, third, second], True)
    one = search(scene.practice.pk, third.pk, now=NOON)
    assert (one.visits, one.are_more) == ([third], False)


def test_however_much_is_typed_few_words_are_looked_up(scene: Scene) -> None:
    names = "abc def ghi jkl mno pqr stu vwx yza bcd"
    ada = take(scene, last_name=names, guardian_name=names)
    for text in (names, f"{names} " * 3, " ".join("abcdefghij" * 15)):
        with CaptureQueriesContext(connection) as queries:
            visits = found(scene, text)
        assert visits == ([ada] if text.startswith(names) else [])
        assert max(query["sql"].count("EXISTS") for query in queries) < 13


def test_a_practice_finds_its_own_alone_and_shares_no_digest(clock: Any, db: None) -> None:
    ours, theirs = House("Ours"), House("Theirs")
    mine, other = (house.patient(house.publish("X"), **ADA) for house in (ours, theirs))
    for text in ("nunez", "0177", ADA["email"], mine.pk):
        assert search(ours.practice.pk, text, now=NOON).visits == [mine]
        assert search(theirs.practice.pk, text, now=NOON).visits != [mine]
    digests = [{row.digest for row in each.search_terms.all()} for each in (mine, other)]
    assert len(digests[0]) == len(digests[1]) > 10
    assert not digests[0] & digests[1]


# Writing --------------------------------------------------------------------------------------


def edit(place: Appointment, scene: Scene, **values: str) -> None:
    fields: Any = values
    appointments.edit(appointment_id=place.pk, fields=fields, by=scene.actor, now=NOON)


def test_a_corrected_name_is_found_and_the_wrong_one_no_longer(scene: Scene) -> None:
    ada = take(scene)
    edit(ada, scene, last_name="Lovelace")
    assert found(scene, "lovelace") == [ada]
    expected = terms.of(Appointment.objects.get().unread_person, scene.practice.pk)
    assert {row.digest for row in ada.search_terms.all()} == expected
    assert ada.search_terms.count() == len(expected)


def test_what_is_not_searched_by_writes_no_terms(scene: Scene) -> None:
    ada = take(scene)
    kept = list(ada.search_terms.values_list("pk", flat=True))
    edit(ada, scene, message="Runs late", zip_code="10016")
    appointments.cancel(appointment_id=ada.pk, by=scene.actor, now=NOON)
    assert list(ada.search_terms.values_list("pk", flat=True)) == kept


def test_purge_deletes_the_terms(scene: Scene, clock: Any) -> None:
    take(scene)
    clock.shift(timedelta(days=40))
    call_command("purge", "--older-than", "30d", stdout=StringIO())
    assert not SearchTerm.objects.exists()


def test_reencrypt_makes_the_terms_of_visits_from_before_once(scene: Scene) -> None:
    ada = take(scene, phone="212 555 0177")
    take(scene, first_name="", last_name="", guardian_name="", phone="")
    appointments.take(booking_id=scene.booking().pk, fields={}, by=scene.actor, now=NOON)
    SearchTerm.objects.all().delete()
    assert found(scene, "nunez") == []
    assert found(scene, "2125550177") == [ada]
    assert reencrypt().startswith("2 encrypted anew")
    assert reencrypt().startswith("0 encrypted anew")
    assert found(scene, "nunez") == [ada]


def test_visits_are_found_while_and_after_keys_are_changed(scene: Scene, settings: Any) -> None:
    old, new = new_key(), new_key()
    settings.PATIENT_KEYS = [old]
    ada = take(scene)
    settings.PATIENT_KEYS = [new, old]
    assert found(scene, "nunez 0177") == [ada]
    reencrypt()
    settings.PATIENT_KEYS = [new]
    assert found(scene, "nunez 0177") == [ada]


def test_a_visit_that_is_edited_while_keys_are_changed_is_found_afterwards(
    scene: Scene, settings: Any
) -> None:
    old, new = new_key(), new_key()
    settings.PATIENT_KEYS = [old]
    ada = take(scene)
    settings.PATIENT_KEYS = [new, old]
    fields: Any = {"note": "Brings a friend"}
    appointments.edit(appointment_id=ada.pk, fields=fields, by=scene.actor, now=NOON)
    reencrypt()
    settings.PATIENT_KEYS = [new]
    assert found(scene, "nunez 0177") == [ada]


# The same people ------------------------------------------------------------------------------


def test_a_family_is_who_has_the_same_phone_or_email_and_a_visit_to_come(scene: Scene) -> None:
    ada = take(scene)
    ben = take(scene, first_name="Ben", email="")
    cyd = take(scene, first_name="Cyd", phone="")
    take(scene, first_name="Dan", phone="5550100", email="")
    gone = take(scene, first_name="Eve")
    appointments.cancel(appointment_id=gone.pk, by=scene.actor, now=NOON)
    assert {each.pk for each in family(ada, now=NOON)} == {ben.pk, cyd.pk}
    assert family(ada, now=NOON + timedelta(days=9)) == []
    person = Patient(first_name="cýd", email=ADA["email"])
    assert already(scene.practice.pk, person, now=NOON) == [cyd]
    assert already("elsewhere", person, now=NOON) == []
