"""The page on which staff propose exact times for a request, and the button that withdraws them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html

from bookings import walltime
from bookings.desk import free_times, labels, times
from bookings.desk.clashes import Clashing, Given, guard
from bookings.desk.desk import Desk, attempt, desk_page, show, try_form
from bookings.desk.forms import WallTimeField, instant_of
from bookings.desk.telling import told
from bookings.models import (
    Appointment,
    AppointmentStatus,
    Booking,
    Proposal,
    ProposalOutcome,
    Status,
)
from bookings.representation import time_range
from bookings.scheduling import availability, holds, proposals
from bookings.scheduling.availability import Criteria

_OPENINGS = 6
"""So many openings are suggested, the nearest to what was asked for."""
_OF_EACH = 2
"""So many times of each, and one more of the request's own."""
_TYPED = ("first", "second", "third")


@dataclass(frozen=True)
class Offer:
    """A time that can be proposed, with its opening."""

    booking: Booking
    exact: datetime

    @property
    def value(self) -> str:
        return f"{self.booking.pk} {self.exact.isoformat()}"

    @property
    def label(self) -> str:
        when = labels.dated(self.exact, self.booking.location.zone)
        return f"{when} · {self.booking.doctor.name} · {self.booking.location.name}"


class ProposeForm(forms.Form):
    """Up to three exact times: free ones that are suggested, and any that are typed."""

    free = forms.MultipleChoiceField(
        label="Free times",
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "invalid_choice": "One of these times is not free any more. Choose another."
        },
    )
    first = WallTimeField(label="Another time", required=False)
    second = WallTimeField(label="Another time", required=False)
    third = WallTimeField(label="Another time", required=False)

    def __init__(self, *args: Any, desk: Desk, visit: Appointment) -> None:
        super().__init__(*args)
        self.desk, self.visit = desk, visit
        self.suggested = {each.value: each for each in _suggested(desk, visit)}
        field = self.fields["free"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [(each.value, each.label) for each in self.suggested.values()]

    @property
    def typed(self) -> list[forms.BoundField]:
        return [self[name] for name in _TYPED]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        offers = [self.suggested[each] for each in cleaned.get("free", [])]
        for name in _TYPED:
            if cleaned.get(name):
                try:
                    offers.append(_opening_of(self.desk, self.visit, cleaned[name]))
                except ValidationError as error:
                    self.add_error(name, error)
        if self.errors:
            return cleaned
        if not offers:
            raise ValidationError("Choose at least one time.")
        if len(offers) > proposals.MOST:
            raise ValidationError(f"Choose up to {proposals.MOST} times.")
        if len({each.exact for each in offers}) < len(offers):
            raise ValidationError("Two of these times are the same. Choose different ones.")
        return {**cleaned, "offers": offers}


def _suggested(desk: Desk, visit: Appointment) -> Iterator[Offer]:
    """Yield free times: of the request's own opening, then of those nearest to it, by their day."""
    own = visit.booking
    criteria = Criteria(
        people=1,
        location_ids=[each.pk for each in desk.locations],
        doctor_ids=None,
        earliest=desk.now + holds.NEAREST,
        latest=walltime.LATEST,
    )
    zone, to = own.location.zone, max(own.start_datetime or desk.now, desk.now)
    found = availability.nearest(desk.practice, criteria, to, zone=zone, limit=_OPENINGS)
    openings = [own, *(each.places[0] for each in found if each.places[0].pk != own.pk)]
    busy = free_times.of_doctors({each.doctor_id for each in openings}, desk.now)
    soonest = desk.now + holds.NEAREST - timedelta(milliseconds=1)
    for each in openings:
        at = free_times.free(each, busy[each.doctor_id], soonest, visit=visit)
        yield from (Offer(each, exact) for exact in at[: _OF_EACH + (each == own)])


def _opening_of(desk: Desk, visit: Appointment, wall: datetime) -> Offer:
    """Find the opening of a time that was typed, at the location of the request.

    It is of the same part of the day: the request's own, else one with a free place, rather of the
    same doctor. Within the day that was asked for, it can be any time. Raises ValidationError.
    """
    own, zone = visit.booking, visit.booking.location.zone
    exact = instant_of(wall, zone)
    begins = walltime.start_of_day(wall.date(), zone)
    rows = Booking.objects.filter(
        location=own.location_id,
        status=Status.OPEN,
        start_datetime__gte=begins,
        start_datetime__lte=exact,
    )
    of_day = [own, *rows.select_related("location", "doctor").exclude(pk=own.pk)]
    same_part = [
        each
        for each in of_day
        if _day(each) == wall.date() and _part(each) == time_range(exact, zone)
    ]
    if not same_part and _day(own) == wall.date():
        same_part = [own]
    if not same_part:
        raise ValidationError(
            "There is no opening with a free place at this time. Publish one first, or choose "
            "another time."
        )
    best = min(same_part, key=lambda each: (each != own, each.doctor_id != own.doctor_id, each.pk))
    return Offer(best, exact)


def _day(booking: Booking) -> date | None:
    begins = booking.start_datetime
    return begins and walltime.wall_clock(begins, booking.location.zone).date()


def _part(booking: Booking) -> str | None:
    return time_range(booking.start_datetime, booking.location.zone)


@desk_page
def page(request: HttpRequest, desk: Desk, appointment_id: str) -> HttpResponse:
    """Ask which times to propose, and propose them; they are held until the family answers."""
    visit = desk.appointment(appointment_id)
    if visit.status != AppointmentStatus.RESERVED:
        return redirect("admin:desk_ranges", desk.practice.pk)
    form = ProposeForm(request.POST if request.method == "POST" else None, desk=desk, visit=visit)
    if request.method != "POST":
        return _show(request, desk, form)

    def propose() -> Proposal:
        offers = form.cleaned_data["offers"]
        choices = [proposals.Choice(each.booking.pk, each.exact) for each in offers]
        given = [Given(each.booking, each.exact, visit) for each in offers]
        return guard(
            lambda: proposals.propose(
                appointment_id=visit.pk, choices=choices, by=desk.by, now=desk.now
            ),
            *given,
            agreed=request.POST.get("anyway", ""),
        )

    try:
        made = try_form(form, propose)
    except Clashing as clashing:
        return _show(request, desk, form, clashing=clashing, status=409)
    if made is None:
        return _show(request, desk, form, status=400)
    until = labels.dated(made.until, visit.booking.location.zone)
    messages.success(
        request, format_html("Proposed, and on hold until {}.{}", until, told([visit], desk))
    )
    return redirect("admin:desk_ranges", desk.practice.pk)


def _show(
    request: HttpRequest,
    desk: Desk,
    form: ProposeForm,
    *,
    clashing: Clashing | None = None,
    status: int = 200,
) -> HttpResponse:
    visit = form.visit
    context = {
        "title": f"Propose times to {labels.patient(visit)}",
        "visit": visit,
        "asked": times.of_appointment(visit) or "no day",
        "form": form,
        "clashing": clashing,
    }
    return show(request, desk, "propose.html", context, status)


@desk_page
def withdraw(request: HttpRequest, desk: Desk, appointment_id: str) -> HttpResponse:
    """Withdraw what is proposed, and give the places back."""
    visit = desk.appointment(appointment_id)
    proposal = visit.proposals.order_by("-pk").first()
    if request.method == "POST":  # else a redirect after logging in again, or a reload
        if proposal is None:
            raise Http404
        attempt(
            request,
            lambda: proposals.end(
                proposal=proposal, outcome=ProposalOutcome.WITHDRAWN, by=desk.by, now=desk.now
            ),
            "The times are withdrawn. The family can no longer take one by its link.",
        )
    return redirect("admin:desk_ranges", desk.practice.pk)
