"""Wording of a mail about a visit, in the active language; text and HTML are made of it."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import override

from bookings import phone, walltime
from bookings.booking_page import words
from bookings.calendars import files
from bookings.messages import reminders
from bookings.messages.mail.facts import Facts, Moment
from bookings.models import ActorKind, TaskKind
from practices.models import Kind


@dataclass(frozen=True)
class Wording:
    """The parts of a mail, from top to bottom; an empty one is left out."""

    subject: str
    headline: str
    code: str = ""
    details: list[tuple[str, str]] = field(default_factory=list)
    """Labels and what they are of."""
    office_says: str = ""
    paragraphs: list[str] = field(default_factory=list)
    button: tuple[str, str] = ("", "")
    """What a link is for, and its address."""
    text: tuple[str, str] = ("", "")
    """The practice's, and its language."""
    phone: str = ""
    dial: str = ""
    """The link that dials it."""
    practice: str = ""
    unsubscribe: tuple[str, str] = ("", "")
    """What else the family can end, and the address of the page that does."""


def of(facts: Facts) -> Wording:
    """Put facts into words, in their language."""
    with override(facts.language):
        said = _OF_KIND.get(facts.kind, _of_visit)(facts)
    number = facts.at.location.office_phone
    return replace(said, practice=facts.practice.name, phone=number, dial=phone.link(number))


def _of_code(facts: Facts) -> Wording:
    return Wording(
        subject=_("Your code"),
        headline=_("Your code"),
        code=facts.code,
        paragraphs=[
            _("Enter it on the page where you are booking your visit."),
            _("If this was not you, ignore this e-mail: nothing is booked without the code."),
        ],
    )


def _of_proposal(facts: Facts) -> Wording:
    until = words.opening_time(facts.until, facts.at.location, Kind.EXACT) if facts.until else ""
    on_hold = _("These times are on hold for you until %(until)s.") % {"until": until}
    return Wording(
        subject=_("The office proposes other times for your visit"),
        headline=_("The office proposes other times"),
        details=_proposed(facts),
        paragraphs=[
            _("Take one of these times, ask for others, or give up your request."),
            on_hold,
        ],
        button=(_("Choose a time"), facts.link or _("(the link to this visit)")),
    )


def _proposed(facts: Facts) -> list[tuple[str, str]]:
    """Say who asked for which time, and what is proposed, with the office where there are two."""
    offices = {each.location for each in facts.proposed}
    times = [when_of(each) for each in facts.proposed]
    if len(offices) > 1:
        told = zip(times, facts.proposed, strict=True)
        times = [f"{when}, {files.address(each.location)}" for when, each in told]
    found = [
        (_("Visit for"), facts.first_name),
        (_("What you asked for"), when_of(facts.at)),
        *((_("Proposed"), each) for each in times),
        (_("Where"), files.address(min(offices, key=str)) if len(offices) == 1 else ""),
    ]
    return [(label, told) for label, told in found if told]


_OF_KIND: dict[str, Callable[[Facts], Wording]] = {
    TaskKind.CODE: _of_code,
    TaskKind.PROPOSAL: _of_proposal,
}
"""Of all other kinds see `_of_visit`."""


def _of_visit(facts: Facts) -> Wording:
    is_cancelled = facts.kind == TaskKind.CANCELLED
    return Wording(
        subject=_subject(facts),
        headline=_headline(facts),
        details=_details(facts),
        office_says=facts.words,
        paragraphs=_paragraphs(facts),
        button=_button(facts),
        text=("", "") if is_cancelled else facts.text,
        unsubscribe=_unsubscribe(facts),
    )


def _unsubscribe(facts: Facts) -> tuple[str, str]:
    if facts.kind in reminders.DAYS and facts.link:
        return _("Stop reminders"), f"{facts.link}/reminders"
    return "", ""


def _subject(facts: Facts) -> str:
    begins, zone = facts.at.begins, facts.at.location.zone
    if begins is None:
        return _headline(facts)
    day = {"day": words.day_of(begins, zone)}
    if facts.kind == TaskKind.RESERVED:
        return _("Your place is reserved: %(day)s") % day
    if facts.kind == TaskKind.TIME_GIVEN:
        return _("The exact time of your visit on %(day)s") % day
    if facts.kind == TaskKind.MOVED:
        return _("Your visit has been moved to %(day)s") % day
    if facts.kind == TaskKind.CANCELLED:
        return _("Your visit is cancelled: %(day)s") % day
    if facts.kind in reminders.DAYS:
        if _is_near(facts):
            time = words.opening_time(begins, facts.at.location, Kind.EXACT)
            return f"{_headline(facts)}: {time}"
        return _("Reminder: your visit on %(day)s") % day
    return _("Your visit is booked: %(day)s") % day


def _headline(facts: Facts) -> str:
    if facts.kind == TaskKind.RESERVED:
        return _("Your place is reserved")
    if facts.kind == TaskKind.TIME_GIVEN:
        return _("Your visit now has an exact time")
    if facts.kind in {TaskKind.MOVED, TaskKind.CANCELLED}:
        return _done_by(facts)
    if facts.kind in reminders.DAYS:
        if not _is_near(facts):
            return _("We look forward to your visit")
        return _("Your visit is tomorrow") if _days_ahead(facts) else _("Your visit is today")
    return _("Your visit is booked")


def _done_by(facts: Facts) -> str:
    """Say who moved or cancelled the visit."""
    is_moved = facts.kind == TaskKind.MOVED
    if facts.by == ActorKind.PATIENT:
        return _("You moved your visit") if is_moved else _("You cancelled your visit")
    if facts.by == ActorKind.STAFF:
        if is_moved:
            return _("The office moved your visit")
        return _("The office cancelled your visit")
    return _("Your visit has been moved") if is_moved else _("Your visit is cancelled")


def _is_near(facts: Facts) -> bool:
    return _days_ahead(facts) in (0, 1)


def _days_ahead(facts: Facts) -> int | None:
    """Return in how many days a visit is, by the office's clock when the mail goes."""
    begins, zone = facts.at.begins, facts.at.location.zone
    if begins is None:
        return None
    day, today = (walltime.wall_clock(each, zone).date() for each in (begins, facts.now))
    return (day - today).days


def _details(facts: Facts) -> list[tuple[str, str]]:
    at, before, when = facts.at, facts.before, when_of(facts.at)
    found = [(_("Visit for"), facts.first_name), (_("When"), when)]
    found.append((_("Where"), files.address(at.location)))
    if before is not None:
        was = [each for each in [when_of(before)] if each != when]
        if before.location != at.location:
            was.append(before.location.name)
        found.append((_("Previously"), ", ".join(was)))
    return [(label, told) for label, told in found if told]


def when_of(at: Moment) -> str:
    """Say when a visit is, with the name of the zone."""
    if at.begins is None:
        return _("The office has not set a time yet")
    kind = Kind.EXACT if at.is_exact else Kind.RANGE
    time = words.opening_time(at.begins, at.location, kind)
    return f"{capfirst(time)} ({words.zone_name(at.location.zone)})"


def _paragraphs(facts: Facts) -> list[str]:
    if facts.kind == TaskKind.CANCELLED:
        if facts.book_url:
            return [_("The office is not expecting you.")]
        return [_("The office is not expecting you."), _("To book another visit, call the office.")]
    unsuitable = _("If this does not work for you, move the visit or call the office.")
    is_by_others = facts.kind == TaskKind.MOVED and facts.by != ActorKind.PATIENT
    if not facts.at.is_exact:
        until = (
            unsuitable if is_by_others else _("Until then, there is nothing else you need to do.")
        )
        return [promise(facts.promise), until]
    if is_by_others:
        return [unsuitable, _("We look forward to seeing you.")]
    if facts.kind in reminders.DAYS:
        if facts.is_confirmed:
            said = _("You confirmed this visit.")
            return [said, _("We look forward to seeing you.")]
        return [_("Let the office know whether you are coming.")]
    return [_("There is nothing else you need to do. We look forward to seeing you.")]


def promise(by_when: tuple[str, str]) -> str:
    """Say that the office sets the exact time. by_when: the practice's words, their language."""
    if by_when[0]:
        said = _("The office will set the exact time and let you know:")
        return f"{said} {by_when[0]}."
    return _("The office will set the exact time and let you know.")


def _button(facts: Facts) -> tuple[str, str]:
    if facts.kind == TaskKind.CANCELLED:
        return (_("Book another visit"), facts.book_url) if facts.book_url else ("", "")
    link = facts.link or _("(the link to this visit)")
    if facts.kind in reminders.DAYS and not facts.is_confirmed:
        return _("Confirm, move or cancel this visit"), link
    return _("See, move or cancel this visit"), link
