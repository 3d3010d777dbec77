"""Partners as readers of appointments: what each may see, and what it may change."""

from collections.abc import Collection
from dataclasses import dataclass

from rest_framework.exceptions import PermissionDenied

from bookings.models import Appointment
from bookings.patients.record import NOBODY, Patient
from bookings.scheduling import external
from practices.api.authentication import Caller
from practices.api.permissions import require_grant

OF_SYSTEM = frozenset({*external.FIELDS, "attendance"})
"""What a practice's own system may change of any appointment there."""
_MAY_ONLY = (
    "You did not make this appointment. As the practice's own system you may change its "
    "external_id, external_status, external_reason and attendance, and nothing else."
)
_NOT_THE_SYSTEM = (
    "Only the practice's own system says external_id, external_status and external_reason: an "
    "operator marks which partner that is. Leave them out."
)


@dataclass(frozen=True)
class Reader:
    """A partner as it reads appointments. is_system: it is the practice's own system, granted."""

    partner_id: str
    is_system: bool = False

    def person(self, appointment: Appointment) -> Patient:
        """Return the patient as it may read it: its own, and as the own system everybody."""
        return appointment.person if self._sees_patient(appointment) else NOBODY

    def external(self, appointment: Appointment) -> dict[str, str | None]:
        """Return what the own system said; the reason is free text, which may name a patient."""
        said = {name: getattr(appointment, name) for name in external.FIELDS}
        return said if self._sees_patient(appointment) else {**said, "external_reason": None}

    def _sees_patient(self, appointment: Appointment) -> bool:
        return self.is_system or appointment.partner_id == self.partner_id


def reader_of(caller: Caller, appointment: Appointment) -> Reader | None:
    """Return the caller as a reader of an appointment; None where it is not there for it.

    Granted the practice, a partner reads those that it made, those that it is the source of, and as
    the practice's own system all. Raises PermissionDenied for one that it made without the grant.
    """
    practice_id = appointment.booking.practice_id
    if appointment.partner_id == caller.partner_id:
        require_grant(caller, practice_id)
        return Reader(caller.partner_id)
    is_system = caller.is_system_of(practice_id)
    # Anybody can write a partner's id into an address: without the grant it is not there.
    if not (is_system or appointment.source == caller.partner_id):
        return None
    return Reader(caller.partner_id, is_system) if caller.is_granted(practice_id) else None


def check_may_say(caller: Caller, appointment: Appointment, changed: Collection[str]) -> None:
    """Raise PermissionDenied where a partner that may read it says what it may not.

    changed: the fields that it sends with another value than there is.
    """
    if appointment.partner_id != caller.partner_id:
        if not OF_SYSTEM.issuperset(changed):
            raise PermissionDenied(_MAY_ONLY)
        return
    says_external = not set(external.FIELDS).isdisjoint(changed)
    if says_external and not caller.is_system_of(appointment.booking.practice_id):
        raise PermissionDenied(_NOT_THE_SYSTEM)


def check_made(caller: Caller, appointment: Appointment) -> None:
    """Raise PermissionDenied where a partner did not make an appointment that it may read."""
    if appointment.partner_id != caller.partner_id:
        raise PermissionDenied(_MAY_ONLY)
