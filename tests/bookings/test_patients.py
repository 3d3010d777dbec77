"""Encryption of patients' data, search by digest, and key rotation (`reencrypt`)."""

import base64
import secrets
from collections.abc import Callable
from io import StringIO
from typing import Any

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import CommandError, call_command
from django.db import connection

from bookings.models import Appointment, Booking
from bookings.patients import record, rotation
from bookings.patients.record import Patient
from bookings.scheduling import appointments
from openchair import encryption, env
from tests.conftest import Caller
from tests.factories import NOON, Scene

PATIENT: dict[str, Any] = {
    "first_name": "Canary-Mia",
    "last_name": "Canary-Park",
    "email": "canary@Example.com",
    "phone": "(555) 555-0142",
    "guardian_name": "Canary-Jo",
    "zip_code": "canary-zip",
    "message": "Zoë’s canary 🦷",
}


def new_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def take(api: Caller, booking: Booking, **values: Any) -> Any:
    path = f"/onlinescheduling/booking/{booking.pk}/appointments"
    once = {"Idempotency-Key": secrets.token_hex()}
    answer = api("POST", path, {"status": "booked", **PATIENT, **values}, once)
    assert answer.status_code == 201, answer.content
    return answer


def everything_stored() -> str:
    """Return every text in every table."""
    texts = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            texts += [str(row) for row in cursor.fetchall()]
    return "\n".join(texts)


def test_no_table_has_a_patient_in_clear(scene: Scene, api: Caller) -> None:
    booking = scene.booking(id="marker-opening", total_appointments=2)
    place = take(api, booking)["Location"]
    api("PUT", place, {"message": "canary again"})
    stored = everything_stored()
    assert "marker-opening" in stored
    assert "canary" not in stored.casefold()
    assert "5550142" not in stored.replace("-", "")
    assert api("GET", place).json()["message"] == "canary again"


def test_a_retry_gets_the_sealed_answer_verbatim(scene: Scene, api: Caller) -> None:
    path = f"/onlinescheduling/booking/{scene.booking().pk}/appointments"
    first, again = (api("POST", path, PATIENT, {"Idempotency-Key": "once"}) for _ in range(2))
    assert first.content == again.content
    other = api("POST", path, {**PATIENT, "phone": "5"}, {"Idempotency-Key": "once"})
    assert other.status_code == 422


def test_what_is_not_known_is_not_sealed(scene: Scene) -> None:
    place = appointments.take(booking_id=scene.booking().pk, fields={}, by=scene.actor, now=NOON)
    place.refresh_from_db()
    assert (place.patient, place.patient_key) == (None, None)
    assert place.person == Patient()


def test_a_patient_of_whom_a_newer_release_knows_more_is_read() -> None:
    sealed = encryption.seal('{"first_name": "Mia", "shoe_size": "38"}')
    assert record.read(sealed) == Patient(first_name="Mia")


@pytest.mark.parametrize("phone", ["555 555 0142", "+1 (555) 555-0142", "0015555550142"])
def test_a_phone_is_found_however_it_is_written(phone: str) -> None:
    assert record.by_phone(phone) == record.by_phone(PATIENT["phone"])
    assert record.by_phone(phone) != record.by_phone("555 555 0143")
    assert record.by_phone("12 34") == []


# Keys -----------------------------------------------------------------------------------------

Keys = Callable[..., None]


@pytest.fixture
def keys(settings: Any) -> Keys:
    """Set PATIENT_KEYS."""

    def use(*keys: str) -> None:
        settings.PATIENT_KEYS = list(keys)

    return use


def reencrypt() -> str:
    out = StringIO()
    call_command("reencrypt", stdout=out)
    return out.getvalue()


def test_keys_are_changed_without_anybody_noticing(scene: Scene, api: Caller, keys: Keys) -> None:
    old, new = new_key(), new_key()
    keys(old)
    booking = scene.booking(total_appointments=3)
    path = take(api, booking)["Location"]
    listed = f"/onlinescheduling/practice/{scene.practice.pk}/appointments"
    before, list_before = api("GET", path), api("GET", listed)

    keys(old, new)  # 1: every machine can decrypt with the new one
    keys(new, old)  # 2: the new one encrypts
    found = Appointment.objects.filter(email_digest__in=record.by_email("canary@example.com"))
    assert found.count() == 1
    take(api, booking, first_name="Second")
    missing = encryption.key_names()[1]
    keys(new)
    with pytest.raises(ImproperlyConfigured, match=missing):
        rotation.refuse_if_keys_are_missing()
    keys(new, old)
    # 3: encrypted anew: the appointment, and the answers stored for retries of both
    assert reencrypt().startswith("2 encrypted anew")
    assert reencrypt().startswith("0 encrypted anew")

    keys(new)  # 4: the old one is dropped
    rotation.refuse_if_keys_are_missing()
    after = api("GET", path)
    assert (after.content, after["ETag"]) == (before.content, before["ETag"])
    assert api("GET", f"{listed}?since=2026-06-02T00:00Z").json() == []
    assert list_before.json()[0] in api("GET", listed).json()
    assert found.count() == 2  # under the new key alone


def test_a_key_that_is_missing_is_never_taken_for_no_patient(
    scene: Scene, api: Caller, keys: Keys
) -> None:
    keys(new_key())
    path = take(api, scene.booking(total_appointments=2))["Location"]
    stored = Appointment.objects.values_list("patient", flat=True).get()
    keys(new_key())
    with pytest.raises(ImproperlyConfigured, match="nothing is lost"):
        rotation.refuse_if_keys_are_missing()
    with pytest.raises(CommandError, match="add them first"):
        reencrypt()
    assert api("GET", path).status_code == 503
    assert api("PUT", path, {"first_name": "X"}).status_code == 503
    assert Appointment.objects.values_list("patient", flat=True).get() == stored


def test_a_change_of_status_leaves_alone_what_was_sealed_anew_meanwhile(scene: Scene) -> None:
    fields: Any = {"status": "pending", **PATIENT}
    place = appointments.take(
        booking_id=scene.booking().pk, fields=fields, by=scene.actor, now=NOON
    )
    with connection.execute_wrapper(_sealing_anew_before_the_update(place.pk)):
        appointments.cancel(appointment_id=place.pk, by=scene.actor, now=NOON)
    place.refresh_from_db()
    assert (place.status, place.email_digest) == ("cancelled", "anew")


def _sealing_anew_before_the_update(place_id: str) -> Any:
    met: list[str] = []

    def wrapper(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if 'UPDATE "bookings_appointment"' in sql and not met:
            met.append(sql)
            Appointment.objects.filter(pk=place_id).update(email_digest="anew")
        return execute(sql, params, many, context)

    return wrapper


@pytest.mark.parametrize("odd", ["mykey", "a" * 44, f"{'A' * 43}=", "x,y"])
def test_odd_keys_are_refused_and_not_repeated(monkeypatch: Any, tmp_path: Any, odd: str) -> None:
    monkeypatch.setenv("SETTING", odd)
    with pytest.raises(ImproperlyConfigured, match="32 random bytes in base64") as refused:
        env.patient_keys("SETTING", kept_in=tmp_path / "keys", local=True)
    assert odd not in str(refused.value)
    monkeypatch.delenv("SETTING")
    with pytest.raises(ImproperlyConfigured, match="is needed where ALLOWED_HOSTS"):
        env.patient_keys("SETTING", kept_in=tmp_path / "keys", local=False)
    assert not list(tmp_path.iterdir())


def test_this_machine_alone_makes_a_key_and_says_what_losing_it_means(
    monkeypatch: Any, tmp_path: Any, capsys: Any
) -> None:
    monkeypatch.delenv("SETTING", raising=False)
    kept_in = tmp_path / "keys"
    made, again = (env.patient_keys("SETTING", kept_in=kept_in, local=True) for _ in range(2))
    assert made == again
    assert kept_in.stat().st_mode & 0o777 == 0o600
    for place in (kept_in.read_text(), capsys.readouterr().err):
        assert "lost" in place
        assert "keep a copy" in place.casefold()
