"""The waiting list by the API: join, read, leave; own entries only (contract, section 8)."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from bookings.models import Access, EntryStatus, Task, WaitlistEntry
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.waitlist import answers, entries
from tests import factories
from tests.conftest import Caller
from tests.factories import NOON, Scene
from tests.waitlist.families import held, join, look, offer

ADA: dict[str, Any] = {
    "first_name": "Ada",
    "last_name": "Byron",
    "email": "ada@family.example",
    "phone": "212 555 0100",
    "guardian_name": "Anne Byron",
    "zip_code": "10016",
    "message": "after school",
}


def path(scene: Scene) -> str:
    return f"/onlinescheduling/practice/{scene.practice.pk}/waitlist"


def add(api: Caller, scene: Scene, **fields: Any) -> Any:
    answer = api("POST", path(scene), {**ADA, **fields})
    assert answer.status_code == 201, answer.content
    return answer.json()


def read(api: Caller, entry_id: str) -> Any:
    answer = api("GET", f"/onlinescheduling/waitlist/{entry_id}")
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_a_family_is_shown_as_it_was_put_on_the_list(scene: Scene, api: Caller) -> None:
    wishes = {
        "people": 2,
        "location_ids": [scene.location.pk],
        "doctor_ids": [scene.doctor.pk],
        "weekdays": ["tue", "thu"],
        "parts": ["late_afternoon"],
        "earliest": "2026-06-08",
        "latest": "2026-07-31",
        "others": [{"first_name": "Ben", "last_name": "Byron"}],
        "language": "es",
    }
    answer = api("POST", path(scene), {**ADA, **wishes})
    made = answer.json()
    assert [*made.items()] == [
        ("id", made["id"]),
        ("practice_id", scene.practice.pk),
        ("status", "waiting"),
        *((name, wishes[name]) for name in [*wishes][:7]),
        *ADA.items(),
        ("others", wishes["others"]),
        ("language", "es"),
        ("offer", None),
        ("ends_at", "2026-08-30T16:00:00.000+00:00"),
        ("updated_at", "2026-06-01T16:00:00.000+00:00"),
        ("created_at", "2026-06-01T16:00:00.000+00:00"),
    ]
    assert (answer.status_code, answer["Location"]) == (
        201,
        f"/onlinescheduling/waitlist/{made['id']}",
    )
    shown = api("GET", answer["Location"])
    assert (shown.json(), shown["ETag"]) == (made, answer["ETag"])
    assert api("GET", path(scene)).json() == [made]
    assert Task.objects.get().entry_id == made["id"]  # which tells the family


def test_what_is_not_said_is_anything(scene: Scene, api: Caller) -> None:
    made = api("POST", path(scene), {"phone": "212 555 0100"}).json()
    assert {name: made[name] for name in ("people", "location_ids", "parts", "earliest")} == {
        "people": 1,
        "location_ids": [],
        "parts": [],
        "earliest": None,
    }
    assert (made["language"], made["others"], made["first_name"]) == ("en", [], "")


def test_what_was_read_can_be_sent_for_a_brother(scene: Scene, api: Caller) -> None:
    made = add(api, scene)
    brother = {name: value for name, value in made.items() if name != "id"}
    brother["first_name"] = "Ben"
    assert add(api, scene, **brother)["id"] != made["id"]


@pytest.mark.parametrize(
    ("said", "field"),
    [
        ({"email": "", "phone": ""}, "email"),
        ({"email": "ada"}, "email"),
        ({"people": 5}, "people"),
        ({"people": "2"}, "people"),
        ({"location_ids": "b2rGH"}, "location_ids"),
        ({"location_ids": ["nowhere"]}, "location_ids"),
        ({"location_ids": [" "]}, "location_ids.0"),
        ({"doctor_ids": ["a"] * 101}, "doctor_ids"),
        ({"weekdays": ["Monday"]}, "weekdays.0"),
        ({"parts": [None]}, "parts.0"),
        ({"earliest": "2026-6-8"}, "earliest"),
        ({"earliest": "20260608"}, "earliest"),
        ({"earliest": "2026-02-30"}, "earliest"),
        ({"earliest": "2026-06-08", "latest": "2026-06-07"}, "latest"),
        ({"others": [{"first_name": "Ben"}]}, "others"),
        ({"people": 2, "others": [{"name": "Ben"}]}, "others.0.name"),
        ({"practice_id": "other"}, "practice_id"),
        ({"id": "mine"}, "id"),
        ({"visits": []}, "visits"),
    ],
)
def test_what_cannot_be_is_refused_by_its_field(
    scene: Scene, api: Caller, said: dict[str, Any], field: str
) -> None:
    answer = api("POST", path(scene), {**ADA, **said})
    assert answer.status_code == 400
    assert [each["field"] for each in answer.json()["errors"]] == [field]
    assert not WaitlistEntry.objects.exists()


def test_the_same_patient_waits_once_and_a_retry_gets_the_same_answer(
    scene: Scene, api: Caller
) -> None:
    once = {"Idempotency-Key": "once"}
    first, again = (api("POST", path(scene), ADA, once) for _ in range(2))
    assert first.content == again.content
    answer = api("POST", path(scene), {**ADA, "phone": ""})
    assert (answer.status_code, answer.json()["reason"]) == (409, "already_waiting")
    add(api, scene, first_name="Ben")  # another child under the same address


def test_an_offer_is_made_by_whoever_reads_and_shown(scene: Scene, api: Caller) -> None:
    booking, made = scene.booking(), add(api, scene)
    assert made["offer"] is None
    shown = read(api, made["id"])
    (place,) = held(WaitlistEntry.objects.get())
    assert shown == {
        **made,
        "status": "offered",
        "offer": {
            "appointment_ids": [place.pk],
            "booking_ids": [booking.pk],
            "until": "2026-06-01T20:00:00.000+00:00",
        },
    }
    assert api("GET", path(scene)).json() == [shown]


def test_the_partner_sees_the_visit_that_comes_of_it(scene: Scene, api: Caller) -> None:
    scene.booking()
    made = add(api, scene)
    appointment_id = read(api, made["id"])["offer"]["appointment_ids"][0]
    found = offer(WaitlistEntry.objects.get())
    assert found is not None
    answers.accept(offer_id=found.pk, by=PATIENT, now=NOON)
    shown = read(api, made["id"])
    assert (shown["status"], shown["offer"]) == ("booked", None)
    visit = api("GET", f"/onlinescheduling/appointment/{appointment_id}").json()
    assert (visit["status"], visit["source"]) == ("booked", scene.partner.pk)


def test_taken_off_the_list_it_gives_its_offer_back_and_again_is_the_same(
    scene: Scene, api: Caller
) -> None:
    booking, made = scene.booking(), add(api, scene)
    read(api, made["id"])
    for _ in range(2):
        answer = api("DELETE", f"/onlinescheduling/waitlist/{made['id']}")
        assert (answer.status_code, answer.json()) == (200, {"id": made["id"], "status": "left"})
    assert read(api, made["id"])["status"] == "left"
    assert api("GET", path(scene)).json() == []
    assert api("GET", f"/onlinescheduling/booking/{booking.pk}").json()["status"] == "open"
    add(api, scene)  # may come back


def test_who_has_booked_meanwhile_does_not_leave(scene: Scene, api: Caller) -> None:
    made = add(api, scene)
    entries.end(entry_id=made["id"], status=EntryStatus.BOOKED, by=PATIENT, now=NOON)
    answer = api("DELETE", f"/onlinescheduling/waitlist/{made['id']}")
    assert answer.json() == {"id": made["id"], "status": "booked"}


def test_it_ends_on_the_second_whether_or_not_anybody_looked(
    scene: Scene, api: Caller, clock: time_machine.Traveller
) -> None:
    made = add(api, scene)
    look(scene.practice)
    clock.move_to(NOON + entries.LASTS - timedelta(milliseconds=1))
    tag = api("GET", path(scene))["ETag"]
    assert read(api, made["id"])["status"] == "waiting"
    clock.shift(timedelta(milliseconds=1))
    assert read(api, made["id"])["status"] == "ended"
    answer = api("GET", f"{path(scene)}?status=ended", headers={"If-None-Match": tag})
    assert [each["id"] for each in answer.json()] == [made["id"]]
    assert api("GET", path(scene)).json() == []


def test_a_list_is_filtered_by_status_and_comes_in_pages(scene: Scene, api: Caller) -> None:
    names = ["Ada", "Ben", "Cleo", "Dora", "Eve"]
    made = {name: add(api, scene, first_name=name)["id"] for name in names}
    entries.pause(entry_id=made["Ben"], by=PATIENT, now=NOON)
    entries.end(entry_id=made["Cleo"], status=EntryStatus.BOOKED, by=PATIENT, now=NOON)
    api("DELETE", f"/onlinescheduling/waitlist/{made['Dora']}")
    scene.booking()

    def found(query: str) -> set[str]:
        listed = {each["first_name"] for each in api("GET", f"{path(scene)}?{query}").json()}
        assert listed <= {*names}
        return listed

    assert found("") == found("status=all") == {"Ada", "Ben", "Eve"}
    offered = found("status=offered")
    assert len(offered) == 1
    assert found("status=waiting") == {"Ada", "Eve"} - offered
    assert found("status=paused&status=left") == {"Ben", "Dora"}
    assert found("status=booked") == {"Cleo"}
    assert api("GET", f"{path(scene)}?status=gone").status_code == 400
    assert api("GET", f"{path(scene)}?since=2026-06-01").status_code == 400
    whole = api("GET", path(scene)).json()
    assert whole == sorted(whole, key=lambda each: (each["created_at"], each["id"]))
    page = api("GET", f"{path(scene)}?limit=2")
    rest = api("GET", page["Link"].partition(">")[0].removeprefix("<http://testserver"))
    assert page.json() + rest.json() == whole


def test_the_tag_of_a_list_changes_with_each_change_and_else_stays(
    scene: Scene, api: Caller
) -> None:
    made = add(api, scene)

    def changes() -> bool:
        tag = tags[-1]
        tags.append(api("GET", path(scene))["ETag"])
        return bool(tag != tags[-1])

    tags = [api("GET", path(scene))["ETag"]]
    assert not changes()
    entries.pause(entry_id=made["id"], by=PATIENT, now=NOON)
    assert changes()
    entries.resume(entry_id=made["id"], by=PATIENT, now=NOON)
    assert changes()
    scene.booking()
    assert changes()  # an offer was made
    assert not changes()
    join(scene.practice, "Ben")
    assert changes()  # the order may be another
    answer = api("GET", path(scene), headers={"If-None-Match": tags[-1]})
    assert answer.status_code == 304


def test_a_precondition_is_kept(scene: Scene, api: Caller) -> None:
    made = add(api, scene)
    one = f"/onlinescheduling/waitlist/{made['id']}"
    tag = api("GET", one)["ETag"]
    scene.booking()
    assert api("DELETE", one, headers={"If-Match": tag}).status_code == 412
    assert read(api, made["id"])["status"] == "offered"
    tag = api("GET", one)["ETag"]
    assert api("DELETE", one, headers={"If-Match": tag}).status_code == 200
    assert api("DELETE", one, headers={"If-Match": tag}).status_code == 200  # it is done


def test_nobody_elses_entry_is_there(scene: Scene, api: Caller) -> None:
    other = factories.partner(granted=[scene.practice])
    as_other = Caller(factories.key(other)[1])
    made, by_themselves = add(api, scene), join(scene.practice, "Ben")
    for entry_id in (made["id"], by_themselves.pk):
        for method in ("GET", "DELETE"):
            assert as_other(method, f"/onlinescheduling/waitlist/{entry_id}").status_code == 404
    assert as_other("GET", path(scene)).json() == []
    scene.partner.practices.clear()
    for method in ("GET", "DELETE"):
        assert api(method, f"/onlinescheduling/waitlist/{made['id']}").status_code == 403
    scene.practice.active = False
    scene.practice.save()
    assert api("GET", f"/onlinescheduling/waitlist/{made['id']}").status_code == 404
    assert api("GET", path(scene)).status_code == 404
    assert WaitlistEntry.objects.get(pk=made["id"]).status == "waiting"


def test_who_read_of_a_family_is_written_down(scene: Scene, api: Caller) -> None:
    made = [add(api, scene, first_name=name)["id"] for name in ("Ada", "Ben")]
    assert not Access.objects.exists()  # joining is in the entry's history
    read(api, made[0])
    api("GET", path(scene))
    found = Access.objects.order_by("pk").values_list("entries", "appointments", "api_key")
    key = scene.key_row.pk
    assert [*found] == [([made[0]], [], key), (sorted(made), [], key)]
