"""Search criteria of a patient, for bookings/scheduling/availability.py."""

from collections import Counter
from datetime import timedelta

from bookings.booking_page import holding
from bookings.booking_page.page import Page
from bookings.models import AppointmentStatus
from bookings.scheduling.availability import Criteria


def criteria_of(page: Page) -> Criteria:
    """Return what the state asks for, within the practice's rules; one's own holds are free."""
    notice = timedelta(hours=page.settings.notice_hours)
    held = [
        each.booking_id for each in holding.visits(page) if each.status == AppointmentStatus.PENDING
    ]
    return Criteria(
        people=len(page.state.people),
        location_ids=_one_of([each.pk for each in page.locations], page.state.location_id),
        doctor_ids=_one_of([each.pk for each in page.doctors], page.state.doctor_id),
        earliest=page.now + max(notice, timedelta(milliseconds=1)),
        latest=page.now + timedelta(days=page.settings.horizon_days),
        own=Counter(held),
    )


def _one_of(ids: list[str], chosen: str | None) -> list[str]:
    """Return the chosen one alone, or all where any will do or the chosen one is not shown now."""
    return [chosen] if chosen in ids else ids
