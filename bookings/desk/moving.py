"""Moving visits to other openings: the page that shows it with the mail, and its button."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString

from bookings import walltime
from bookings.desk import labels, next_free, telling, times
from bookings.desk.clashes import Given, guard
from bookings.desk.desk import Desk, as_seen, attempt, desk_page, show
from bookings.desk.next_free import Place, may_move, seen_of, where_and_when
from bookings.desk.telling import Change, NoticeForm
from bookings.models import Appointment
from bookings.scheduling import moving
from openchair.errors import Refused


@dataclass(frozen=True)
class Move:
    """A visit on its way. seen: the state in which the person saw it."""

    place: Place
    seen: str

    @property
    def is_changed(self) -> bool:
        """Whether a colleague has changed the visit meanwhile."""
        return self.seen != self.place.seen

    @property
    def is_timed(self) -> bool:
        return self.place.exact is None or self.place.exact.is_valid()

    @property
    def to(self) -> moving.Destination:
        to: moving.Destination = {"booking_id": self.place.booking.pk}
        return to if self.exact is None else {**to, "start_datetime": self.exact}

    @property
    def exact(self) -> datetime | None:
        """Return the exact time, in UTC; None where it gets none, or none that can be."""
        form = self.place.exact
        exact: datetime | None = (form and form.is_valid() and form.cleaned_data["start"]) or None
        return exact

    @property
    def was(self) -> str:
        visit = self.place.visit
        return where_and_when(visit.booking, times.of_appointment(visit))

    @property
    def becomes(self) -> str:
        booking, exact = self.place.booking, self.exact
        time = times.Time(exact, booking.location.zone) if exact else times.of_opening(booking)
        return where_and_when(booking, time)

    def changes(self, desk: Desk) -> list[Change]:
        place = self.place
        if not self.is_timed:
            return []
        return telling.moving(place.visit, place.booking, self.exact, desk.now)


@desk_page
def move(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Move visits, each to its opening: the fields `visit`, `to` and `seen`, in the same order.

    A GET, and a POST with `show`, shows what would be done, and the mail about it.
    """
    is_post = request.method == "POST"
    sent = request.POST if is_post else request.GET
    if not is_post and "visit" not in sent:  # a redirect after logging in again
        return redirect("admin:desk_next_free", desk.practice.pk)
    moves = _moves(desk, sent, sent.getlist("seen"))
    if is_post and "show" not in sent:
        return _do(request, desk, moves)
    # A POST is checked when it is meant: what was typed goes on to then.
    for each in [] if is_post else moves:
        try:
            as_seen(each.seen, seen_of)(each.place.visit)
        except Refused as refused:
            messages.error(request, refused.text)
            return redirect(_others(desk, sent))
    return _show(request, desk, moves)


def _moves(desk: Desk, sent: QueryDict, seen: Sequence[str] = ()) -> list[Move]:
    """Read what was chosen. Raises Http404."""
    visits = [desk.appointment(pk) for pk in sent.getlist("visit")]
    openings = [desk.booking(pk) for pk in sent.getlist("to")]
    if not visits or not len(visits) == len(openings) or len(seen) not in {0, len(visits)}:
        raise Http404
    places = next_free.choice(desk, openings, visits, sent).places
    seen = seen or [place.seen for place in places]
    return [Move(*pair) for pair in zip(places, seen, strict=True)]


def _do(request: HttpRequest, desk: Desk, moves: list[Move]) -> HttpResponse:
    sent = request.POST
    changes = [change for each in moves for change in each.changes(desk)]
    form = NoticeForm(sent, changes=changes, now=desk.now)
    # Of one that a colleague has changed, the check tells, whatever its time is.
    if not form.is_valid() or not all(each.is_timed or each.is_changed for each in moves):
        return _show(request, desk, moves)
    to = {each.place.visit.pk: each.to for each in moves}
    seen = {each.place.visit.pk: each.seen for each in moves}

    def check(visit: Appointment) -> None:
        as_seen(seen[visit.pk], seen_of)(visit)

    def act() -> list[Appointment]:
        return moving.move(to=to, by=desk.by, now=desk.now, check=check, notice=form.notice)

    given = [Given(each.place.booking, each.exact, each.place.visit) for each in moves]
    is_moved = attempt(
        request,
        lambda: guard(act, *given, agreed=sent.get("anyway", "")),
        _said(desk, moves, telling.told([each.visit for each in changes], desk, form.notice)),
    )
    if is_moved:
        return redirect("admin:desk_booking", desk.practice.pk, moves[0].place.booking.pk)
    again = _moves(desk, sent)
    if all(may_move(each.place.visit) for each in again):
        return _show(request, desk, again, 409)
    return redirect(_others(desk, sent))


def _show(request: HttpRequest, desk: Desk, moves: list[Move], status: int = 200) -> HttpResponse:
    """Show what moves where, and the mail, which nobody can write before there is a time."""
    is_timed = all(each.is_timed for each in moves)
    changes = [change for each in moves for change in each.changes(desk)]
    typed = request.POST if "words" in request.POST else None
    form = NoticeForm(typed, changes=changes, now=desk.now)
    form.fields["words"].widget.attrs["autofocus"] = True
    sent = request.POST if request.method == "POST" else request.GET
    names = labels.listed([each.place.name for each in moves])
    context = {
        "title": f"Move {names}",
        "moves": moves,
        "is_timed": is_timed,
        "form": form,
        "query": sent.get("query", ""),
        "others": _others(desk, sent),
    }
    if not is_timed or form.errors:
        status = 400
    return show(request, desk, "move.html", context, status)


def _others(desk: Desk, sent: QueryDict) -> str:
    """Return the address of the page from which this opening was chosen."""
    asked = QueryDict(sent.get("query", ""), mutable=True)
    asked.setlist("visit", sent.getlist("visit"))
    return f"{reverse('admin:desk_next_free', args=[desk.practice.pk])}?{asked.urlencode()}"


def _said(desk: Desk, moves: list[Move], told: str) -> SafeString:
    """Say from where to where the visits move, without names: messages are in a cookie."""
    undo: list[tuple[str, str]] = []
    for each in moves:
        visit = each.place.visit
        undo += [("visit", visit.pk), ("to", visit.booking_id)]
        if visit.start_datetime is not None:
            wall = walltime.wall_clock(visit.start_datetime, visit.booking.location.zone)
            undo.append((f"{visit.pk}-start", f"{wall:%Y-%m-%dT%H:%M}"))
    return format_html(
        'Moved {}.{} <a href="{}?{}">Undo</a>',
        "; ".join(f"from {each.was} to {each.becomes}" for each in moves),
        told,
        reverse("admin:desk_move", args=[desk.practice.pk]),
        urlencode(undo),
    )
