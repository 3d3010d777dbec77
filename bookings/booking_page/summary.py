"""What a patient is told of a visit: who, when, where, with whom."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from bookings import walltime
from bookings.booking_page import words
from bookings.booking_page.page import Page
from bookings.models import Appointment


def of(visit: Sequence[Appointment], page: Page) -> dict[str, Any]:
    """Return the context of templates/book/chosen.html: people with times, day, location.

    The visit has a time: it is held or booked.
    """
    first = visit[0].booking
    location, begins = first.location, visit[0].starts_at
    assert begins is not None
    day = walltime.wall_clock(begins, location.zone).date()
    return {
        "visit": [_person(each) for each in visit],
        "is_family": len(visit) > 1,
        "is_range": visit[0].exact_time is None,
        "day": words.day(day),
        "zone": words.zone_name(location.zone),
        "location": location,
        "has_doctors": len(page.doctors) > 1,
        "has_locations": len(page.locations) > 1,
    }


def _person(visit: Appointment) -> dict[str, Any]:
    booking = visit.booking
    begins, zone = visit.starts_at, booking.location.zone
    assert begins is not None
    return {
        "name": name_of(visit),
        "time": words.part(begins, zone) if visit.exact_time is None else words.clock(begins, zone),
        "doctor": booking.doctor.name,
    }


def is_past(visit: Appointment, now: datetime) -> bool:
    """Whether its time has come; without an exact time, whether its day is over."""
    exact, begins = visit.exact_time, visit.booking.start_datetime
    if exact is not None or begins is None:
        return exact is not None and exact <= now
    zone = visit.booking.location.zone
    today = walltime.wall_clock(now, zone).date()
    return walltime.wall_clock(begins, zone).date() < today


def mailed_to(visit: Appointment) -> str:
    """Return the address that mail about a visit goes to; empty where none is sent."""
    return visit.unread_person.email if settings.EMAIL_URL else ""


def name_of(visit: Appointment) -> str:
    person = visit.unread_person
    return f"{person.first_name} {person.last_name}".strip()
