"""Every line of every file: read by fhir.resources, and held against the rules of both versions.

The rules are our reading of 1.0.0-ballot and of what its authors wrote later (docs/smart.md).
"""

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

import pytest
from fhir.resources.R4B import get_fhir_model_class

from bookings.scheduling import appointments
from practices.models import Kind
from tests import factories
from tests.factories import NOON, Scene
from tests.smart import lists

OLD = "http://fhir-registry.smarthealthit.org/StructureDefinition/"
NEW = "http://hl7.org/fhir/uv/smart-scheduling-links/StructureDefinition/"
HL7 = "http://terminology.hl7.org/CodeSystem/"
INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"
LONG = "x_" * 16
"""The longest id, with what FHIR does not allow."""

Rule = Callable[[Any], bool]


def codes(of: Any) -> set[tuple[str, str]]:
    """Return system and code of one concept or of several."""
    concepts = of if isinstance(of, list) else [of]
    return {(each["system"], each["code"]) for concept in concepts for each in concept["coding"]}


def values(slot: Any, url: str) -> list[Any]:
    """Return the values of an extension, by what they are called."""
    found = [each for each in slot["extension"] if each["url"] == url]
    return [{name: each[name] for name in each if name != "url"} for each in found]


def is_form(form: str, text: str) -> bool:
    return re.fullmatch(form, text) is not None


def is_phone(of: Any) -> bool:
    return any(each["system"] == "phone" and each["value"] for each in of)


def has_one_link(slot: Any) -> bool:
    old, new = values(slot, f"{OLD}booking-deep-link"), values(slot, f"{NEW}booking-deep-link")
    return len(old) == 1 and old == new and str(old[0]["valueUrl"]).startswith("http")


def has_both_phones(slot: Any) -> bool:
    (old,), (new,) = values(slot, f"{OLD}booking-phone"), values(slot, f"{NEW}booking-phone")
    return bool(old["valueString"] == new["valueContactPoint"]["value"])


SPECIALTY = {
    ("http://snomed.info/sct", "394608004"),
    ("http://nucc.org/provider-taxonomy", "1223X0400X"),
}
ADDRESS = ("line", "city", "state", "postalCode")
EVERY: dict[str, Rule] = {
    "an id of FHIR": lambda it: is_form(r"[A-Za-z0-9.-]{1,64}", it["id"]),
}
RULES: dict[str, dict[str, Rule]] = {
    "Organization": {"a name": lambda it: bool(it["name"])},
    "Location": {
        "a name": lambda it: bool(it["name"]),
        "a phone number": lambda it: is_phone(it["telecom"]),
        "an identifier": lambda it: all(each["system"] for each in it["identifier"]),
        "a whole address": lambda it: all(it["address"][name] for name in ADDRESS),
        "a state of two letters": lambda it: is_form("[A-Z]{2}", it["address"]["state"]),
    },
    "Practitioner": {
        "a name": lambda it: bool(it["name"][0]["text"]),
        "exactly one identifier": lambda it: len(it["identifier"]) == 1,
    },
    "PractitionerRole": {
        "who": lambda it: bool(it["practitioner"]["reference"]),
        "where, at one location": lambda it: len(it["location"]) == 1,
        "the specialty": lambda it: codes(it["specialty"]) == SPECIALTY,
    },
    "HealthcareService": {
        "active": lambda it: it["active"] is True,
        "one type, orthodontic": lambda it: codes(it["type"]) == {(f"{HL7}service-type", "91")},
        "category dental": lambda it: codes(it["category"]) == {(f"{HL7}service-category", "10")},
        "one specialty": lambda it: len(it["specialty"]) == 1,
        "orthodontics": lambda it: codes(it["specialty"]) == SPECIALTY,
        "one location": lambda it: len(it["location"]) == 1,
        "a name": lambda it: bool(it["name"]),
    },
    "Schedule": {
        "a type of service": lambda it: codes(it["serviceType"]) == {(f"{HL7}service-type", "91")},
        "a location": lambda it: sum("Location/" in at["reference"] for at in it["actor"]) == 1,
        "a role": lambda it: sum("PractitionerRole/" in at["reference"] for at in it["actor"]) == 1,
    },
    "Slot": {
        "a known status": lambda it: it["status"] in {"free", "busy", "busy-tentative"},
        "a start with an offset": lambda it: is_form(INSTANT, it["start"]),
        "an end with an offset": lambda it: is_form(INSTANT, it["end"]),
        "an end after its start": lambda it: it["start"] < it["end"],
        "for new patients": lambda it: values(it, f"{NEW}patient-type")
        == [{"valueCoding": {"system": f"{HL7}accepting-patients", "code": "newpt"}}],
        "patient type or characteristic": lambda it: not values(it, f"{NEW}characteristic"),
        "a link where it is free": lambda it: it["status"] != "free" or has_one_link(it),
        "a phone number where it is free": lambda it: it["status"] != "free" or has_both_phones(it),
    },
}  # fmt: skip


@pytest.fixture(params=[Kind.EXACT, Kind.RANGE])
def world(request: Any, clock: Any, db: None) -> Scene:
    """Make a practice with everything in its rows that can go wrong in a file."""
    scene = Scene(request.param)
    scene.location.latitude, scene.location.longitude = 40.85, -73.94
    scene.location.save()
    far = factories.location(scene.practice, "Pacific/Honolulu", id=LONG, name="A “b” <c>\n")
    second = factories.doctor(far, id=LONG, npi="1234567893", name="Dr. Ñ")
    second.locations.add(scene.location)
    lists.listed(scene)
    taken = "reserved" if scene.practice.range_bookings else "booked"
    for nth, status in enumerate(["open", "pending", taken]):
        made = scene.booking(start_datetime=NOON.replace(day=3 + nth), id=f"s_{nth}")
        if status != "open":
            fields: Any = {"status": status}
            appointments.take(booking_id=made.pk, fields=fields, by=scene.actor, now=NOON)
    scene.booking(location_id=LONG, doctor_id=LONG, id="y" * 32, total_appointments=3)
    return scene


def test_every_line_is_fhir_and_keeps_the_rules(world: Scene) -> None:
    found: dict[str, list[Any]] = {}
    for output in lists.manifest()["output"]:
        found[output["type"]] = lists.lines(output["url"])
    assert {kind for kind, rows in found.items() if rows} == {*RULES}
    broken = [
        (kind, rule, each)
        for kind, rows in found.items()
        for each in rows
        for rule, keeps in {**EVERY, **RULES[kind]}.items()
        if not keeps(each)
    ]
    assert broken == []
    for kind, rows in found.items():
        assert len({each["id"] for each in rows}) == len(rows), kind
        for each in rows:
            get_fhir_model_class(kind).model_validate(each)
    there = {f"{kind}/{each['id']}" for kind, rows in found.items() for each in rows}
    named = {
        each for rows in found.values() for each in re.findall("'reference': '([^']*)'", str(rows))
    }
    assert named <= there
    assert {each["status"] for each in found["Slot"]} == {"free", "busy", "busy-tentative"}


def test_the_manifest_says_where_which_files_are_and_in_which_states(world: Scene) -> None:
    said = lists.manifest()
    assert said["request"].endswith("/scheduling/smart/$bulk-publish")
    assert re.fullmatch(INSTANT, said["transactionTime"])
    assert datetime.fromisoformat(said["transactionTime"]) <= NOON
    assert said["error"] == []
    assert [each["type"] for each in said["output"]] == [*RULES]
    for each in said["output"]:
        assert each["url"].startswith("http")
        assert each["extension"] == {"state": ["NY"]}


def test_a_doctor_has_the_npi_or_else_our_own_identifier(world: Scene) -> None:
    of = {each["id"]: each for each in lists.lines(lists.path(world.practice, "Practitioner"))}
    assert of[LONG.replace("_", ".")]["identifier"] == [
        {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}
    ]
    (own,) = of[world.doctor.pk]["identifier"]
    assert own["value"] == world.doctor.pk
    assert own["system"].endswith("/scheduling/doctor")


@pytest.mark.parametrize(
    ("wall", "begins", "ends"),
    [
        (8, "08:00", "10:00"),
        (11, "10:00", "12:00"),
        (13, "12:00", "14:30"),
        (16, "14:30", "17:00"),
    ],
)
def test_a_range_is_the_part_of_the_day_that_the_page_names(
    wall: int, begins: str, ends: str, range_scene: Scene
) -> None:
    lists.listed(range_scene)
    range_scene.booking(start_datetime=datetime(2026, 6, 2, wall))  # noqa: DTZ001  # wall time
    (slot,) = lists.slots(range_scene.practice).values()
    assert slot["start"] == f"2026-06-02T{begins}:00.000-05:00"
    assert slot["end"] == f"2026-06-02T{ends}:00.000-05:00"
    assert "The office sets the exact time." in slot["comment"]
