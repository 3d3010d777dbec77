"""Parts that the board's views share: doctors, URLs of new openings, the HTML of an entry."""

from datetime import date, datetime, time, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe

from bookings import walltime
from bookings.desk import labels
from bookings.desk.board.entries import Entry, Visit
from bookings.desk.board.query import View
from bookings.desk.desk import Desk
from bookings.models import Attendance, Status
from practices.models import Doctor, Location

SLOT = 30  # minutes
REFUSED = '<span class="oc-new oc-refused"><span class="oc-sr">e-mail </span>bounced</span>'
_MARKS = {Attendance.KEPT: "Came", Attendance.NO_SHOW: "No-show", Attendance.LATE_CANCEL: "Late"}


def status_word(entry: Entry) -> str:
    """Return the status: of several places how many are free; of what nobody used, just that."""
    if entry.is_past and entry.status == Status.OPEN and not entry.visits:
        return "Unused"
    return places(entry) or labels.STATUS[entry.status]


def places(entry: Entry) -> str:
    """Return how many of several places are free (2 free, 1 unused), or an empty string."""
    if entry.row.total_appointments < 2 or not entry.free or (entry.is_past and not entry.visits):
        return ""
    return f"{entry.free} {'unused' if entry.is_past else 'free'}"


def looks(entry: Entry, *, is_dim: bool) -> str:
    """Return the CSS classes of an entry."""
    past = f" is-past{'' if entry.visits else ' is-unused'}" if entry.is_past else ""
    return f"status-{entry.status}{past}{' is-dim' if is_dim else ''}"


def block(entry: Entry, doctor: str, looks: str, where: str, path: str, token: str) -> SafeString:
    """Return the HTML of an entry of a day; a page can have hundreds, so there is no template.

    looks: CSS classes. where: its place as CSS. path: of the board as it is shown, to return to.
    token: for forms.
    """
    row = entry.row
    anchor = f"opening-{row.id}"
    if entry.time.appointment is not None:
        anchor = f"visit-{entry.time.appointment.pk}"
    parts = [f'<span class="chip-time">{entry.time.part.capitalize() or entry.time.clock}</span> ']
    said = _said_once(entry)
    parts += [_name(visit, "" if said else visit.note) for visit in entry.visits]
    word = said or status_word(entry)
    facts = [f'<span class="chip-length">{row.length} min, </span>{word}']
    facts += ["weekly"] if row.recurring else []
    whose = f'<span class="chip-doctor">, {escape(doctor)}</span>'
    parts.append(f' <span class="chip-facts">{", ".join(facts)}{whose}</span>')
    link = f'<a class="chip" href="../opening/{row.id}/">{"".join(parts)}</a>'
    asked = [each for each in entry.visits if each.attendance]
    looks += " has-attend" if asked else ""
    looks += " is-many" if len(entry.visits) > 1 else ""
    forms = "".join(_attend(each, f"{escape(path)}#{anchor}", token) for each in asked)
    return mark_safe(  # noqa: S308  # names are escaped, everything else is ours
        f'<li id="{anchor}" class="oc-block {looks}" style="{where}">{link}{forms}</li>'
    )


def _said_once(entry: Entry) -> str:
    """Return what is noted of all visits, where that is the status too; else nothing."""
    notes = {visit.note for visit in entry.visits}
    is_status = entry.status in {Status.PENDING, Status.RESERVED}
    note = notes.pop() if is_status and len(notes) == 1 else ""
    return note[:1].upper() + note[1:]


def _name(visit: Visit, note: str) -> str:
    note = f' <span class="chip-note">({note})</span>' if note else ""
    new = ' <span class="oc-new">new</span>' if visit.is_new else ""
    if visit.will_come:
        new += ' <span class="oc-new">✓<span class="oc-sr"> confirmed</span></span>'
    if visit.mail_refused:
        new += f" {REFUSED}"
    who = "chip-who" if visit.id else "chip-whole"
    return f'<span class="{who}">{escape(visit.name)}{note}{new}</span> '


def _attend(visit: Visit, back: str, token: str) -> str:
    """Return the form with the buttons that say whether a patient came, or that take it back."""
    name = escape(visit.name)

    def button(value: str, word: str) -> str:
        more = " cancel" if value == Attendance.LATE_CANCEL else ""
        said = f'<span class="oc-sr">{more}: {name}</span>'
        return f'<button name="attendance" value="{value}">{word}{said}</button>'

    if visit.attendance == Attendance.UNKNOWN:
        inside = "".join(button(value, word) for value, word in _MARKS.items())
    else:
        word = labels.ATTENDANCE[visit.attendance].capitalize()
        undo = button(Attendance.UNKNOWN, "Undo")
        inside = f'<b class="oc-came {visit.attendance}">{word}</b>{undo}'
    return (
        f'<form method="post" class="oc-attend" action="../place/{visit.id}/attendance/">'
        f'<input type="hidden" name="csrfmiddlewaretoken" value="{token}">'
        f'<input type="hidden" name="seen" value="{visit.attendance}">'
        f'<input type="hidden" name="next" value="{back}">'
        f"{inside}</form>"
    )


def doctors_at(desk: Desk, location: Location, entries: list[Entry]) -> list[Doctor]:
    """List the doctors who work at the location or have bookings there in view."""
    with_bookings = {entry.row.doctor_id for entry in entries}
    return [
        doctor
        for doctor in desk.doctors
        if doctor.pk in with_bookings or any(at.pk == location.pk for at in doctor.locations.all())
    ]


def zone_at(view: View, location: Location) -> str:
    """Format the name of the location's time zone on the day in view."""
    noon = walltime.start_of_day(view.day, location.zone) + timedelta(hours=12)
    return labels.zone_name(location.zone, noon)


def new_url(desk: Desk, location: Location, doctor: Doctor | None, start: datetime | None) -> str:
    """Return the URL to add a booking at a wall time; empty if it has passed."""
    if start is None or walltime.occurrence(start.date(), start.time(), location.zone) <= desk.now:
        return ""
    values = {"location": location.pk}
    if doctor is not None:
        values["doctor"] = doctor.pk
    values["start"] = f"{start:%Y-%m-%dT%H:%M}"
    return f"../new-opening/?{urlencode(values)}"


def first_start(desk: Desk, zone: ZoneInfo, days: list[date]) -> datetime | None:
    """Return 9:00 on the first of `days`, or today's next half hour if later (wall time); None if
    all are past.
    """
    now = walltime.wall_clock(desk.now, zone)
    minutes = (now.hour * 60 + now.minute) // SLOT * SLOT + SLOT
    soon = datetime.combine(now.date(), time()) + timedelta(minutes=minutes)
    for day in days:
        nine = datetime.combine(day, time(9))
        start = nine if nine > now else soon
        if start.date() == day:
            return start
    return None
