"""The button that moves visits to other openings."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from bookings.desk import next_free, times
from bookings.desk.clashes import Given, guard
from bookings.desk.desk import Desk, as_seen, attempt, desk_page
from bookings.desk.next_free import seen_of, where_and_when
from bookings.models import Appointment, Booking
from bookings.scheduling import moving


@desk_page
def move(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Move visits, each to its opening: the fields `visit`, `to` and `seen`, in the same order."""
    page = reverse("admin:desk_next_free", args=[desk.practice.pk])
    if request.method != "POST":  # a redirect after logging in again, or a reload
        return redirect(page)
    sent = request.POST
    visits = [desk.appointment(pk) for pk in sent.getlist("visit")]
    openings = [desk.booking(pk) for pk in sent.getlist("to")]
    if not visits or not len(visits) == len(openings) == len(sent.getlist("seen")):
        raise Http404
    seen = dict(zip((each.pk for each in visits), sent.getlist("seen"), strict=True))
    asked = QueryDict(sent.get("query", ""), mutable=True)
    choice = next_free.choice(desk, openings, visits, sent)
    to: dict[str, Any] = {}
    for place in choice.places:
        to[place.visit.pk] = {"booking_id": place.booking.pk}
        # Of one that a colleague has changed meanwhile, `check` tells instead.
        if place.exact is not None and place.seen == seen[place.visit.pk]:
            if not place.exact.is_valid():
                return next_free.show_page(request, desk, asked, visits, begun=choice)
            to[place.visit.pk]["start_datetime"] = place.exact.cleaned_data["start"]

    def check(visit: Appointment) -> None:
        as_seen(seen[visit.pk], seen_of)(visit)

    def act() -> list[Appointment]:
        return moving.move(to=to, by=desk.by, now=desk.now, check=check)

    given = [
        Given(place.booking, to[place.visit.pk].get("start_datetime"), place.visit)
        for place in choice.places
    ]
    is_moved = attempt(
        request,
        lambda: guard(act, *given, agreed=sent.get("anyway", "")),
        _told(page, visits, openings, to),
    )
    if not is_moved:
        return redirect(f"{page}?{asked.urlencode()}")
    return redirect("admin:desk_booking", desk.practice.pk, openings[0].pk)


def _told(
    page: str, visits: list[Appointment], openings: list[Booking], to: dict[str, Any]
) -> SafeString:
    """Say from where to where the visits move, without names: messages are in a cookie."""
    moves, undo = [], [("visit", visit.pk) for visit in visits]
    for visit, booking in zip(visits, openings, strict=True):
        exact = to[visit.pk].get("start_datetime")
        zone = booking.location.zone
        time = times.Time(exact, zone) if exact else times.of_opening(booking)
        was = where_and_when(visit.booking, times.of_appointment(visit))
        moves.append(f"from {was} to {where_and_when(booking, time)}")
        undo.append(("to", visit.booking_id))
    return format_html(
        'Moved {}. <a href="{}?{}">Undo</a>', "; ".join(moves), page, urlencode(undo)
    )
