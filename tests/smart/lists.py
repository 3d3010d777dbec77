"""A practice in the public list, and a client that reads it."""

import json
from typing import Any

from django.conf import settings
from django.test import Client

from bookings.smart import views
from practices.models import BookingPage, Location, Practice
from tests.booking_page.walk import opened
from tests.factories import Scene

ADDRESS = {
    "office_phone": "(212) 555-0148",
    "street_address": "801 W 181st Street",
    "city": "New York",
    "state": "New York",
    "state_code": "NY",
    "zip": "10033",
}
MANIFEST = "/scheduling/smart/$bulk-publish"


def listed(scene: Scene, **said: Any) -> BookingPage:
    """Opt a practice in, with all that its locations need."""
    Location.objects.filter(practice=scene.practice).update(**ADDRESS)
    return opened(scene.practice, **{"public_feed": True, **said})


def path(practice: Practice, kind: str) -> str:
    return f"/scheduling/smart/{practice.pk}/{kind}.ndjson"


def get(url: str, **headers: str) -> Any:
    """Ask for an address that may be one of the manifest's; headers with _ for -."""
    said = {name.replace("_", "-"): value for name, value in headers.items()}
    return Client(HTTP_HOST="testserver").get(url.removeprefix(settings.PUBLIC_URL), headers=said)


def lines(url: str) -> list[Any]:
    """Return the resources of a file."""
    answer = get(url)
    assert answer.status_code == 200, answer.content
    return [json.loads(line) for line in answer.content.decode().splitlines()]


def manifest() -> Any:
    """Return the manifest as it is made now, and not as it was kept for some seconds."""
    views._kept.clear()
    return get(MANIFEST).json()


def slots(practice: Practice) -> dict[str, Any]:
    """Return the slots by the id of their booking, in these tests without a dot."""
    return {each["id"]: each for each in lines(path(practice, "Slot"))}


def link(slot: Any) -> str:
    """Return the path and query of a slot's deep link."""
    (found,) = [each["valueUrl"] for each in slot["extension"] if each["url"].startswith(OLD_LINK)]
    return str(found).removeprefix(settings.PUBLIC_URL)


OLD_LINK = "http://fhir-registry.smarthealthit.org/StructureDefinition/booking-deep-link"
