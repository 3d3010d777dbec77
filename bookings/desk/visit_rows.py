"""Rows of the tables of visits: what is found, and the list of patients."""

from collections.abc import Iterable
from dataclasses import dataclass

from bookings import phone
from bookings.desk import held, labels, times
from bookings.desk.desk import Desk
from bookings.desk.next_free import may_move
from bookings.messages import deliveries
from bookings.models import Appointment, Attendance
from bookings.patients import search
from bookings.patients.record import Patient


@dataclass(frozen=True)
class Row:
    """A visit as the template needs it. dial: the URL that dials its phone number, if any."""

    visit: Appointment
    person: Patient
    name: str
    dial: str
    when: str
    status: str
    is_to_come: bool
    may_move: bool
    mail_refused: bool


def rows_of(visits: Iterable[Appointment], desk: Desk) -> list[Row]:
    """Return the rows of visits, read with their booking's location, doctor and practice."""
    listed = list(visits)
    refused, statuses = deliveries.refused(listed), held.statuses(listed)
    return [_row(each, desk, statuses[each.pk], mail_refused=each.pk in refused) for each in listed]


def _row(visit: Appointment, desk: Desk, status: str, *, mail_refused: bool) -> Row:
    is_said = visit.attendance != Attendance.UNKNOWN
    return Row(
        visit=visit,
        person=visit.person,
        name=labels.patient(visit),
        dial=phone.link(visit.person.phone),
        when=str(times.of_appointment(visit) or "no time yet"),
        status=labels.ATTENDANCE[visit.attendance].capitalize() if is_said else status,
        is_to_come=search.is_to_come(visit, now=desk.now),
        may_move=may_move(visit),
        mail_refused=mail_refused,
    )
