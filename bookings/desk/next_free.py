"""The page of the next free openings: for a caller, and to move visits to."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.urls import reverse
from django.views.decorators.http import require_safe

from bookings import walltime
from bookings.desk import labels, times
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.forms import DayField, DeskForm, ExactTimeForm
from bookings.desk.paging import page_number
from bookings.models import TAKEN, Appointment, AppointmentStatus, Attendance, Booking
from bookings.patients import search
from bookings.representation import TIME_RANGES
from bookings.scheduling.availability import next_free
from practices.models import Doctor, Kind, Location

AT_ONCE = 10
MOST_PEOPLE = 4
_LAST_PAGE = 20


class NextFreeForm(DeskForm):
    """What a caller asks for."""

    people = forms.TypedChoiceField(
        choices=[(each, each) for each in range(1, MOST_PEOPLE + 1)], coerce=int
    )
    doctor = forms.ModelChoiceField(Doctor.objects.none(), required=False, empty_label="Any doctor")
    location = forms.ModelChoiceField(
        Location.objects.none(), required=False, empty_label="Any location"
    )
    part = forms.MultipleChoiceField(
        label="Part of the day",
        choices=[(each, times.part_name(each).capitalize()) for each in TIME_RANGES],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    first = DayField(label="From", required=False)


@dataclass(frozen=True)
class Place:
    """Where a visit would move to. exact: the form of its exact time, if it needs one."""

    visit: Appointment
    booking: Booking
    seen: str
    exact: ExactTimeForm | None

    @property
    def name(self) -> str:
        # Read where it is shown: that is logged as an access.
        return labels.patient(self.visit)


@dataclass(frozen=True)
class Choice:
    """A choice as the template needs it. url: of the opening's page, where no visit is moved."""

    when: str
    where: str
    url: str
    places: list[Place]


@dataclass(frozen=True)
class Moved:
    """A visit that is to be moved, or could be. url: of this page with it, or without it."""

    visit: Appointment
    name: str
    when: str
    url: str


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Render the next free openings; with `visit` in the query, as those to move the visits to."""
    visits = [desk.appointment(pk) for pk in dict.fromkeys(request.GET.getlist("visit"))]
    if len(visits) > MOST_PEOPLE:
        raise Http404
    asked = request.GET.copy()
    query, number = asked.urlencode(), page_number(asked.get("page", ""), _LAST_PAGE)
    _set_defaults(asked, desk, visits)
    form = NextFreeForm(desk, asked)
    stuck = [each for each in visits if not may_move(each)]
    choices: list[Choice] = []
    is_valid = form.is_valid()
    if is_valid and not stuck:
        choices = _choices(desk, form.cleaned_data, visits, skip=AT_ONCE * (number - 1))
    context = {
        "title": f"Move {labels.listed([labels.patient(each) for each in visits])}"
        if visits
        else "Find a time",
        "form": form,
        "filters": [
            form[name]
            for name in ("people", "doctor", "location", "first")
            if name != "people" or not visits
        ],
        "visits": _moved(desk, visits, visits, asked),
        "family": [] if stuck else _moved(desk, _family(desk, visits), visits, asked),
        "stuck": [f"{labels.patient(each)}: {_why_stuck(each)}" for each in stuck],
        "choices": choices[:AT_ONCE],
        "later": _url(desk, asked, page=number + 1) if len(choices) > AT_ONCE else "",
        "earlier": _url(desk, asked, page=number - 1) if number > 1 else "",
        "anybody": _url(desk, asked, doctor="", location=""),
        "is_filtered": bool(asked.get("doctor") or asked.get("location")),
        "query": query,
        "waiting_list": _waiting_list(desk, asked, visits),
    }
    return show(request, desk, "next_free.html", context, 200 if is_valid else 400)


def _set_defaults(asked: QueryDict, desk: Desk, visits: Sequence[Appointment]) -> None:
    """Add what was not asked: to move visits, where and with whom they are now."""
    doctors = {each.booking.doctor_id for each in visits}
    locations = {each.booking.location_id for each in visits}
    today = walltime.wall_clock(desk.now, desk.zone).date()
    asked.setdefault("doctor", doctors.pop() if len(doctors) == 1 else "")
    asked.setdefault("location", locations.pop() if len(locations) == 1 else "")
    asked.setdefault("first", today.isoformat())
    asked.setdefault("people", "1")
    if visits:
        asked["people"] = str(len(visits))


def _url(desk: Desk, asked: Any, *, visits: Sequence[str] | None = None, **other: object) -> str:
    """Return the address of this page, with some of what was asked changed."""
    query = asked.copy()
    for name in ("page", "people" if asked.getlist("visit") else "page"):
        query.pop(name, None)
    if visits is not None:
        query.setlist("visit", list(visits))
    for name, value in other.items():
        query[name] = str(value)
    return f"{reverse('admin:desk_next_free', args=[desk.practice.pk])}?{query.urlencode()}"


def _waiting_list(desk: Desk, asked: QueryDict, visits: Sequence[Appointment]) -> str:
    """Return the address of the form that puts the caller on the waiting list."""
    form = reverse("admin:desk_waitlist_add", args=[desk.practice.pk])
    said = urlencode({"visit": visits[0].pk}) if visits else asked.urlencode()
    return f"{form}?{said}"


def may_move(visit: Appointment) -> bool:
    return visit.status in TAKEN and visit.attendance == Attendance.UNKNOWN


def _why_stuck(visit: Appointment) -> str:
    if visit.status in TAKEN:
        return "the visit is already marked"
    return labels.APPOINTMENT_STATUS[visit.status].lower()


def _family(desk: Desk, visits: Sequence[Appointment]) -> list[Appointment]:
    """List the visits that may be moved along: of the same phone or e-mail, and to come."""
    found = {each.pk: each for visit in visits for each in search.family(visit, now=desk.now)}
    return [
        each
        for each in found.values()
        if each not in visits and may_move(each) and len(visits) < MOST_PEOPLE
    ]


def _moved(
    desk: Desk, rows: Sequence[Appointment], visits: Sequence[Appointment], asked: Any
) -> list[Moved]:
    """Return rows with links that leave each out, or take it along."""
    chosen = [each.pk for each in visits]
    return [
        Moved(
            visit=row,
            name=labels.patient(row),
            when=_when(row),
            url=_url(
                desk,
                asked,
                visits=[pk for pk in chosen if pk != row.pk]
                if row.pk in chosen
                else [*chosen, row.pk],
            ),
        )
        for row in rows
    ]


def _when(visit: Appointment) -> str:
    return where_and_when(visit.booking, times.of_appointment(visit))


def _choices(
    desk: Desk, asked: dict[str, Any], visits: Sequence[Appointment], *, skip: int
) -> list[Choice]:
    """Return the choices of one page, and one more if there are later ones."""
    here = {each.booking_id for each in visits}
    options = next_free(
        desk.practice,
        now=desk.now,
        people=asked["people"],
        doctor_id=asked["doctor"] and asked["doctor"].pk,
        location_id=asked["location"] and asked["location"].pk,
        parts=asked["part"],
        after=asked["first"],
        but=here if len(here) == 1 else (),
        limit=AT_ONCE + 1,
        skip=skip,
    )
    return [choice(desk, option.places, visits) for option in options]


def choice(
    desk: Desk,
    bookings: Sequence[Booking],
    visits: Sequence[Appointment],
    typed: QueryDict | None = None,
) -> Choice:
    """Return the choice of these openings. typed: exact times.

    Raises Http404 where an opening has no time.
    """
    begins = {each: time for each in bookings if (time := times.of_opening(each)) is not None}
    if len(begins) < len({*bookings}):
        raise Http404
    doctors = [*dict.fromkeys(each.doctor.name for each in bookings)]
    lengths = [*dict.fromkeys(f"{each.length} min" for each in bookings)]
    clocks = [
        begins[booking].clock
        + (f" with {booking.doctor.name}" if len(doctors) > 1 else "")
        + (f" ({count} places)" if count > 1 else "")
        for booking, count in Counter(bookings).items()
    ]
    first, day = bookings[0], begins[bookings[0]].day
    then = urlencode([("then", each.pk) for each in bookings[1:]])
    url = reverse("admin:desk_booking", args=[desk.practice.pk, first.pk])
    return Choice(
        when=f"{labels.day(day)}, {day.year} · {labels.listed(clocks)}",
        where=" · ".join(
            [*(doctors if len(doctors) == 1 else []), first.location.name, labels.listed(lengths)]
        ),
        url=f"{url}{'?' if then else ''}{then}#take",
        places=[_place(desk, *pair, typed) for pair in zip(visits, bookings, strict=False)],
    )


def seen_of(visit: Appointment) -> str:
    """Return the state that a page was rendered with: its status, and its opening."""
    return f"{visit.status} {visit.booking_id}"


def _needs_exact_time(visit: Appointment, booking: Booking) -> bool:
    """Whether a visit can move to this opening only with an exact time."""
    is_timed = booking.practice.kind == Kind.RANGE and visit.status == AppointmentStatus.BOOKED
    return is_timed and visit.booking_id != booking.pk


def where_and_when(booking: Booking, time: times.Time | None) -> str:
    """Format a visit's time: Thu, Dec 3, 2026, 9:45 AM, Dr. Reyes, Chesterfield."""
    return f"{time or 'no time yet'}, {booking.doctor.name}, {booking.location.name}"


def _place(desk: Desk, visit: Appointment, booking: Booking, typed: QueryDict | None) -> Place:
    exact = None
    if _needs_exact_time(visit, booking):
        assert booking.start_datetime is not None
        wall = walltime.wall_clock(booking.start_datetime, booking.location.zone)
        exact = ExactTimeForm(
            typed,
            desk=desk,
            booking=booking,
            prefix=visit.pk,
            initial={"start": wall},
            auto_id=f"id_{booking.pk}_%s",  # the same visit is in each choice of a page
        )
    return Place(visit, booking, seen_of(visit), exact)
