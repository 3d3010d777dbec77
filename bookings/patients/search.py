"""Find a visit of a practice by what somebody on the phone says of it."""

from datetime import datetime

from django.db.models import Q

from bookings.models import Appointment
from bookings.patients.record import Patient, by_email, by_phone
from practices.ids import is_id

MOST = 50
"""Most visits that one search shows; it returns one more where there are more."""


def search(practice_id: str, text: str, *, now: datetime) -> list[Appointment]:
    """Return the visits found; see the module."""
    said = text.strip()
    found = Q(email_digest__in=by_email(said)) | Q(phone_digest__in=by_phone(said))
    if is_id(said):
        found |= Q(pk=said) | Q(booking=said)
    rows = Appointment.objects.select_related(
        "booking__location", "booking__doctor", "booking__practice"
    )
    return list(rows.filter(found, booking__practice=practice_id).order_by("-created_at")[:51])


def already(practice_id: str, patient: Patient, *, now: datetime) -> list[Appointment]:
    """Return the visits to come of the same person: phone or e-mail, and first name."""
    reached = Q(email_digest__in=by_email(patient.email))
    reached |= Q(phone_digest__in=by_phone(patient.phone))
    rows = Appointment.objects.taken().filter(
        reached, booking__practice=practice_id, booking__start_datetime__gte=now
    )
    related = rows.select_related("booking__location", "booking__doctor", "booking__practice")
    name = patient.first_name.casefold()
    return [each for each in related if each.unread_person.first_name.casefold() == name]


def family(appointment: Appointment, *, now: datetime) -> list[Appointment]:
    person = appointment.unread_person
    found = Q(email_digest__in=by_email(person.email)) | Q(phone_digest__in=by_phone(person.phone))
    rows = Appointment.objects.select_related(
        "booking__location", "booking__doctor", "booking__practice"
    )
    rows = rows.filter(found, booking__practice=appointment.booking.practice_id).taken()
    return list(rows.filter(booking__start_datetime__gt=now).exclude(pk=appointment.pk)[:51])
