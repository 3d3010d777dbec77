"""The page of the visits found by what was typed into the box of every page."""

from collections import defaultdict
from dataclasses import dataclass
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from bookings import phone
from bookings.desk import labels, times
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.next_free import MOST_PEOPLE
from bookings.messages import deliveries
from bookings.models import TAKEN, Appointment, Attendance
from bookings.patients import search, terms
from bookings.patients.record import Patient

_LONGEST = 300


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


@dataclass(frozen=True)
class Together:
    """Visits to come of the same phone number. url: of the page that moves them together."""

    names: str
    url: str


@desk_page
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Search for `q`. It is in the body of a POST: addresses are logged, patients are not."""
    said = request.POST.get("q", "").strip()[:_LONGEST]
    found = search.search(desk.practice.pk, said, now=desk.now)
    refused = deliveries.refused(found.visits)
    rows = [_row(each, desk, mail_refused=each.pk in refused) for each in found.visits]
    title = f"{labels.counted(len(rows), 'visit')} found" if rows else "No visit found"
    context = {
        "title": title if said else "Find a visit",
        "q": said,
        "rows": rows,
        "are_more": found.are_more,
        "together": _together(rows, desk),
    }
    return show(request, desk, "find.html", context)


def _row(visit: Appointment, desk: Desk, *, mail_refused: bool) -> Row:
    is_said = visit.attendance != Attendance.UNKNOWN
    status = labels.APPOINTMENT_STATUS[visit.status]
    return Row(
        visit=visit,
        person=visit.person,
        name=labels.patient(visit),
        dial=phone.link(visit.person.phone),
        when=str(times.of_appointment(visit) or "no time yet"),
        status=labels.ATTENDANCE[visit.attendance].capitalize() if is_said else status,
        is_to_come=search.is_to_come(visit, now=desk.now),
        may_move=visit.status in TAKEN and not is_said,
        mail_refused=mail_refused,
    )


def _together(rows: list[Row], desk: Desk) -> list[Together]:
    by_phone = defaultdict[str, list[Row]](list)
    for row in rows:
        if row.is_to_come and row.person.phone:
            by_phone[terms.number(row.person.phone)].append(row)
    page = reverse("admin:desk_next_free", args=[desk.practice.pk])
    return [
        Together(
            labels.listed([row.name for row in family]),
            f"{page}?{urlencode({'visit': [row.visit.pk for row in family]}, doseq=True)}",
        )
        for family in by_phone.values()
        if 2 <= len(family) <= MOST_PEOPLE
    ]
