"""Patients' data of entries of waiting lists: encrypted, with new keys, and removed in the end."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
import time_machine
from django.contrib.auth import get_user_model
from django.core.management import CommandError, call_command

from bookings import walltime
from bookings.messages import queue
from bookings.models import Access, EntryStatus, Queue, Task, WaitlistEntry
from bookings.patients import purge as purging
from bookings.patients import rotation
from bookings.patients.record import NOBODY
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.waitlist import entries
from tests.bookings.test_patients import everything_stored, new_key, reencrypt
from tests.bookings.test_purge import purge
from tests.conftest import Caller
from tests.desk.world import browser
from tests.factories import NOON, Scene
from tests.waitlist.families import join, look
from tests.waitlist.test_api import read

MILLISECOND = timedelta(milliseconds=1)
CANARY: dict[str, Any] = {
    "email": "canary@family.example",
    "phone": "(555) 555-0142",
    "others": [("Canary-Ben", "Canary-Byron")],
    "people": 2,
}


def leave(entry: WaitlistEntry) -> None:
    entries.end(entry_id=entry.pk, status=EntryStatus.LEFT, by=PATIENT, now=NOON)


def test_no_table_has_a_waiting_family_in_clear(scene: Scene) -> None:
    for _ in range(2):
        scene.booking(total_appointments=2)
    entry = join(scene.practice, "Canary", **CANARY)
    look(scene.practice)
    assert entry.offers.exists()
    stored = everything_stored().casefold()
    assert "canary" not in stored
    assert "5550142" not in stored.replace("-", "")
    assert [each.first_name for each in entry.unread_people] == ["Canary", "Canary-Ben"]


# Keys -----------------------------------------------------------------------------------------


def test_keys_are_changed_while_families_wait(scene: Scene, settings: Any) -> None:
    old, new = new_key(), new_key()
    settings.PATIENT_KEYS = [old]
    entry = join(scene.practice, "Canary", **CANARY)
    people = entry.unread_people
    settings.PATIENT_KEYS = [new]
    assert rotation.missing_keys()
    with pytest.raises(CommandError, match="add them first"):
        reencrypt()
    settings.PATIENT_KEYS = [new, old]
    assert reencrypt().startswith("1 encrypted anew")
    assert reencrypt().startswith("0 encrypted anew")
    settings.PATIENT_KEYS = [new]
    rotation.refuse_if_keys_are_missing()
    entry.refresh_from_db()
    assert entry.unread_people == people
    with pytest.raises(entries.AlreadyWaiting):  # it is found by the new digests
        join(scene.practice, "Canary", phone="555 555 0142", email="")


def test_what_was_removed_meanwhile_is_not_written_again(scene: Scene, settings: Any) -> None:
    settings.PATIENT_KEYS = [new_key()]
    entry = join(scene.practice)
    settings.PATIENT_KEYS = [new_key(), *settings.PATIENT_KEYS]
    empty = dict.fromkeys(WaitlistEntry.SEALED, "")
    WaitlistEntry.objects.update(**empty)
    assert rotation._sealed_entry(entry) == 0
    assert [*WaitlistEntry.objects.values(*WaitlistEntry.SEALED)] == [empty]


# Retention ------------------------------------------------------------------------------------


def test_a_family_is_kept_until_it_left_that_long_ago(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    gone = join(scene.practice, "Ada", by=scene.actor, others=[("Ben", "Byron")], people=2)
    stays = join(scene.practice, "Eve")
    leave(gone)
    clock.move_to(NOON + timedelta(days=30))
    assert "and 0 waiting list entries" in purge("30d")
    clock.shift(MILLISECOND)
    assert "and 1 waiting list entries" in purge("30d", dry_run=True)
    gone.refresh_from_db()
    assert gone.unread_person != NOBODY
    assert "and 1 waiting list entries" in purge("30d")
    assert "and 0 waiting list entries" in purge("30d")
    gone.refresh_from_db()
    assert {getattr(gone, name) for name in WaitlistEntry.SEALED} == {""}
    stays.refresh_from_db()
    assert stays.unread_person.first_name == "Eve"
    shown = read(api, gone.pk)
    assert (shown["status"], shown["first_name"], shown["others"]) == ("left", "", [])


def test_who_ended_by_itself_is_removed_though_nobody_looked(
    scene: Scene, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(purging, "AT_ONCE", 2)
    for name in ("Ada", "Ben", "Eve"):
        join(scene.practice, name, now=NOON)
    clock.move_to(NOON + entries.LASTS + timedelta(days=30))
    assert "and 0 waiting list entries" in purge("30d")
    clock.shift(MILLISECOND)
    assert "and 3 waiting list entries" in purge("30d")
    look(scene.practice, walltime.now())


# Restore, and who read it ---------------------------------------------------------------------


def test_mail_to_families_that_waited_in_a_backup_is_taken_out(scene: Scene) -> None:
    scene.booking()
    join(scene.practice)
    look(scene.practice)
    assert {*Task.objects.values_list("kind", flat=True)} >= {"waiting", "offer"}
    told = StringIO()
    call_command("mail_after_restore", stdout=told)
    assert told.getvalue().endswith(": 2.\n")
    assert queue.claim(Queue.MAIL) is None


def test_operators_find_who_read_of_a_family(scene: Scene, api: Caller) -> None:
    entry = join(scene.practice, by=scene.actor)
    read(api, entry.pk)
    client = browser(get_user_model().objects.create_superuser("op"))
    address = "/admin/bookings/access/"
    listed = client.get(address, {"q": entry.pk}).content.decode()
    assert scene.practice.name in listed
    assert scene.practice.name not in client.get(address, {"q": "nobody"}).content.decode()
    page = client.get(f"{address}{Access.objects.get().pk}/change/").content.decode()
    assert entry.pk in page
    assert client.get("/admin/bookings/task/").status_code == 200
