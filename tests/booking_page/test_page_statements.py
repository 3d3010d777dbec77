"""Number of SQL statements of the booking page's steps: it does not grow unnoticed."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests import factories
from tests.booking_page.walk import CHILDREN, Patient, opened
from tests.factories import NOON, Scene

pytestmark = pytest.mark.django_db

STATEMENTS = {
    # the practice with its page, its locations, those shown; what the clock did
    "": 4,
    # the doctors, where they work, those shown
    "where": 7,
    # what this browser holds; what is free, a week and then two
    "day": 10,
    # what is free, with locations and doctors
    "time": 10,
}


def test_no_step_asks_more_where_more_is_free(clock: Any) -> None:
    scene = Scene()
    opened(scene.practice)
    for nth in range(3):
        doctor = factories.doctor(factories.location(scene.practice, name=f"West {nth}"))
        for day in range(20):
            scene.booking(
                start_datetime=NOON + timedelta(days=day, hours=21),
                location_id=doctor.locations.get().pk,
                doctor_id=doctor.pk,
                total_appointments=2,
            )
    patient = Patient(scene.practice, clock)
    addresses = {"": patient.address}
    addresses["where"] = patient.send(**CHILDREN).address
    addresses["day"] = patient.send(location="", doctor="").address
    addresses["time"] = patient.choose("day").address
    counted = {}
    for step, address in addresses.items():
        with CaptureQueriesContext(
            connection,
        ) as asked:
            patient.client.get(address)
        counted[step] = len(asked)
    assert counted == STATEMENTS
