"""Families that want an earlier time than their visit's: they are on the waiting list with it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from django.db.models import F
from django.http import HttpRequest

from bookings.booking_page import wishes
from bookings.booking_page.criteria import doctor_ids, location_ids
from bookings.booking_page.page import Page
from bookings.models import Appointment, Booking, WaitlistEntry
from bookings.patients.record import OFFICE_FIELDS
from bookings.scheduling import bookings, holds
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.waitlist import entries


def with_box(request: HttpRequest, page: Page) -> Page:
    """Return the page with the box of step 5 in its state, as the form was sent."""
    if "phone" not in request.POST:
        return page  # of another step
    return replace(page, state=page.state.but(earlier="earlier" in request.POST))


def can_be_told(visit: Appointment) -> bool:
    """Whether the list can reach the family, by e-mail or by a phone number with enough digits."""
    return bool(visit.email_digest or visit.phone_digest)


def can_become_free(page: Page, visit: Sequence[Appointment]) -> bool:
    """Whether an earlier place can become free in time: there is one, and somebody has it.

    What is free already they have seen. Where it is too late to move the visit, nothing can.
    """
    begins = _begins(visit)
    if begins is None or begins - timedelta(hours=page.settings.cancel_hours) <= page.now:
        return False
    taken = F("places_pending") + F("places_reserved") + F("places_booked")
    rows = Booking.objects.not_closed().annotate(taken=taken)
    return rows.filter(
        taken__gt=0,
        location__in=location_ids(page),
        doctor__in=doctor_ids(page),
        start_datetime__gte=page.now + holds.NEAREST,
        start_datetime__lt=begins,
    ).exists()


def _begins(visit: Sequence[Appointment]) -> datetime | None:
    """Return when the first of them begins, in UTC."""
    return min((each.starts_at for each in visit if each.starts_at is not None), default=None)


def entry_of(visit: Appointment, now: datetime) -> WaitlistEntry | None:
    """Return the entry by which a visit waits for an earlier time."""
    return visit.waitlist_entries.on_list(now).first()


def join(page: Page, visits: Sequence[Appointment]) -> WaitlistEntry:
    """Put a family on the list with its visits. Raises entries.AlreadyWaiting.

    Where they waited for a visit until they booked it, that is over first.
    """
    bookings.catch_up(practice_id=page.practice.pk, now=page.now)
    first, *others = (each.unread_person for each in visits)
    return entries.join(
        page.practice,
        first._replace(**dict.fromkeys(OFFICE_FIELDS, "")),
        {"people": len(visits), **wishes.where(page)},
        by=PATIENT,
        now=page.now,
        others=[(each.first_name, each.last_name) for each in others],
        visits=visits,
        language=page.language,
        source=visits[0].source or "",
        attribution=visits[0].attribution,
    )


def at_office(page: Page, visit: Appointment) -> Page:
    """Return the page with the visit's location as chosen."""
    return replace(page, state=page.state.but(location_id=visit.booking.location_id))
