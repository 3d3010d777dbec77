"""Families that want no reminders: of any visit in a practice with the same e-mail address."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from bookings.models import Appointment, ReminderOptOut
from bookings.patients import record


def of(visit: Appointment) -> QuerySet[ReminderOptOut]:
    """Return those that a visit falls under: its own, and those of its address in its practice.

    The address may have a digest of an older key in other rows, until they are encrypted anew.
    """
    digests = record.by_email(visit.unread_person.email)
    of_address = Q(
        appointment__email_digest__in=digests,
        appointment__booking__practice=visit.booking.practice_id,
    )
    return ReminderOptOut.objects.filter(Q(pk=visit.pk) | of_address)


def among(visits: QuerySet[Appointment]) -> set[str]:
    """Return the ids of those that fall under one, as far as their digests are of one key."""
    of_address = ReminderOptOut.objects.filter(
        appointment__email_digest=OuterRef("email_digest"),
        appointment__booking__practice=OuterRef("booking__practice"),
    )
    return {*visits.filter(Exists(of_address)).values_list("pk", flat=True)}


def add(visit: Appointment, now: datetime) -> None:
    ReminderOptOut.objects.get_or_create(appointment=visit, defaults={"at": now})


def remove(visit: Appointment) -> None:
    """Let all visits of the address have reminders again."""
    of(visit).delete()
