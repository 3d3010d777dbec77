"""Search criteria of a patient, for bookings/scheduling/availability.py."""

from collections import Counter

from bookings.booking_page import holding, rules
from bookings.booking_page.page import Page
from bookings.models import AppointmentStatus
from bookings.scheduling.availability import Criteria


def criteria_of(page: Page) -> Criteria:
    """Return what the state asks for, within the practice's rules; one's own holds are free."""
    earliest, latest = rules.window(page.settings, page.now)
    held = [
        each.booking_id for each in holding.visits(page) if each.status == AppointmentStatus.PENDING
    ]
    return Criteria(
        people=len(page.state.people) or 1,
        location_ids=location_ids(page),
        doctor_ids=doctor_ids(page),
        earliest=earliest,
        latest=latest,
        own=Counter(held),
    )


def location_ids(page: Page) -> list[str]:
    """Return the location that is chosen, or all that are shown."""
    return _one_of([each.pk for each in page.locations], page.state.location_id)


def doctor_ids(page: Page) -> list[str]:
    """Return the doctor who is chosen, or all who are shown."""
    return _one_of([each.pk for each in page.doctors], page.state.doctor_id)


def _one_of(ids: list[str], chosen: str | None) -> list[str]:
    """Return the chosen one alone, or all where any will do or the chosen one is not shown now."""
    return [chosen] if chosen in ids else ids
