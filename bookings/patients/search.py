"""Find a visit of a practice by what somebody on the phone says of it."""

from datetime import datetime

from django.db.models import Q

from bookings.models import Appointment
from bookings.patients.record import by_email, by_phone
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
