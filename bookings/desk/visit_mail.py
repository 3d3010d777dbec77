"""Mail about one visit: what became of it, what waits to be sent, and its text to copy."""

from copy import copy
from dataclasses import dataclass

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from bookings.booking_page.summary import is_past
from bookings.desk import labels
from bookings.desk.desk import Desk, desk_page, show
from bookings.messages.mail import facts, message
from bookings.models import (
    Appointment,
    Language,
    Queue,
    Task,
    TaskKind,
    TaskStatus,
)
from bookings.scheduling import outbox


@dataclass(frozen=True)
class Line:
    """A mail as the template needs it. at: wall time at the office; empty where it waits."""

    kind: str
    at: str
    became: str


def of_visit(visit: Appointment) -> list[Line]:
    """List the mail of a visit, newest first: what waits before what was."""
    zone = visit.booking.location.zone
    ready = visit.tasks.filter(status=TaskStatus.READY)
    waiting = ready.exclude(queue_name=Queue.CODE).order_by("-id")
    lines = [Line(TaskKind(each.kind).label, "", _waits(each, visit)) for each in waiting]
    return lines + [
        Line(TaskKind(each.kind).label, labels.dated(each.at, zone), labels.became(each))
        for each in visit.deliveries.order_by("-at", "-id")
    ]


def _waits(task: Task, visit: Appointment) -> str:
    if not task.error:
        return "Waiting"
    tried = labels.counted(task.attempts, "time")
    return f"Tried {tried}, next at {labels.dated(task.run_after, visit.booking.location.zone)}"


def wants_text(visit: Appointment, desk: Desk, *, mail_refused: bool) -> bool:
    """Whether the text is offered to copy: no mail reaches a family that has something to hear."""
    is_cut_off = visit.email_digest is None or mail_refused or not settings.EMAIL_URL
    if facts.live_proposal(visit, desk.now) is not None:
        return is_cut_off
    return is_cut_off and not is_past(visit, desk.now) and outbox.latest(visit) is not None


@desk_page
def text(request: HttpRequest, desk: Desk, appointment_id: str) -> HttpResponse:
    """Show a mail's text to copy, in the visit's language or in `language`.

    It is a POST, for it makes the visit's link where there is none yet.
    """
    visit = desk.appointment(appointment_id)
    is_proposed = facts.live_proposal(visit, desk.now) is not None
    kind = TaskKind.PROPOSAL if is_proposed else outbox.latest(visit)
    if request.method != "POST" or kind is None:
        return redirect("admin:desk_patient", desk.practice.pk, visit.pk)
    asked = request.POST.get("language", "")
    language = asked if asked in Language else visit.language or Language.EN
    in_language = copy(visit)
    in_language.language = language
    said = facts.of(
        in_language,
        kind,
        desk.now,
        link=facts.link_to(in_language),
        known=facts.before_last_move(visit) if kind == TaskKind.MOVED else None,
    )
    context = {
        "title": f"E-mail text for the family of {labels.patient(visit)}",
        "visit": visit,
        "text": message.to_copy(said),
        "language": language,
        "languages": Language.choices,
    }
    return show(request, desk, "mail_text.html", context)
