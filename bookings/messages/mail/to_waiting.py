"""Mail to a family on the waiting list: that it is on it, and what it is offered."""

from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime

from django.core.mail import EmailMessage
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import override

from bookings import phone
from bookings.booking_page import words
from bookings.booking_page.waiting import wishes_in_words
from bookings.calendars import files
from bookings.messages.mail import message, wording
from bookings.messages.mail.facts import address, moment_of, safe_first_name
from bookings.messages.mail.wording import Wording, when_of
from bookings.models import (
    ON_LIST,
    Appointment,
    DropReason,
    OfferOutcome,
    Task,
    TaskKind,
    WaitlistEntry,
    WaitlistOffer,
)
from bookings.patients import links
from bookings.scheduling.actors import CLOCK
from bookings.scheduling.waitlist import entries, matching, offers
from openchair.errors import Refused
from practices.models import BookingPage, Kind, Location


def why_not(task: Task, now: datetime) -> DropReason | None:
    """Return why a mail is not sent any more.

    An offer is told of as long as it is open, however late: what the mail says is still true.
    """
    entry = _entry(task)
    if not entry.practice.active:
        return DropReason.TURNED_OFF
    if not entry.unread_person.email:
        return DropReason.NO_ADDRESS
    if entry.status not in ON_LIST:
        return DropReason.OVERTAKEN
    if task.kind != TaskKind.OFFER:
        return DropReason.TOO_LATE if entry.ends_at <= now else None
    offer = _offer(task)
    if offer.outcome not in {None, OfferOutcome.UNANSWERED}:
        return DropReason.OVERTAKEN
    return DropReason.TOO_LATE if offer.outcome is not None or offer.until <= now else None


def of(task: Task, now: datetime) -> EmailMessage:
    """Return the mail of a task, in the language of the entry; its link is made if there is none.

    It names no doctor, and nobody but the first of the people, by first name.
    """
    entry = _entry(task)
    with override(entry.language):
        visits = matching.live_visits(entry, now)
        is_offer = task.kind == TaskKind.OFFER
        said = _of_offer(_offer(task), visits) if is_offer else _of_entry(entry, visits)
    return message.written(
        task, said, to=entry.unread_person.email, language=entry.language, now=now
    )


def no_such_address(task: Task, now: datetime) -> None:
    """Let the next family have what an address that does not exist was offered; offer it no more.

    Staff see that the entry is paused, and by whom.
    """
    offer = _offer(task)
    with suppress(Refused):  # it has left the list meanwhile
        entries.pause(entry_id=offer.entry_id, by=CLOCK, now=now)
    offers.end(offer_id=offer.pk, outcome=OfferOutcome.WITHDRAWN, by=CLOCK, now=now)


def _entry(task: Task) -> WaitlistEntry:
    rows = WaitlistEntry.objects.select_related("practice")
    rows = rows.prefetch_related("visits__booking__location", "visits__booking__practice")
    return rows.get(pk=task.entry_id)


def _offer(task: Task) -> WaitlistOffer:
    rows = WaitlistOffer.objects.select_related("entry__practice")
    return rows.get(entry=task.entry_id, group_id=task.appointment.group_id)  # type: ignore[union-attr]  # the kind has one


def _of_entry(entry: WaitlistEntry, visits: Sequence[Appointment]) -> Wording:
    until = _("You stay on the list until %(day)s, or until you leave it.")
    paragraphs = [
        _(
            "When a time that fits you becomes free, we e-mail you and hold it for you for a few "
            "hours. You then choose whether to take it."
        ),
        _("Until then, your visit stays as it is.") if visits else "",
        until % {"day": wishes_in_words.day(entry.ends_at, entry)},
    ]
    return _written(
        entry,
        wishes_in_words.office(entry),
        subject=_("You are on the waiting list"),
        headline=_("You are on the waiting list"),
        details=[
            (_("Visit for"), safe_first_name(entry.unread_person.first_name)),
            (_("An earlier time than"), _times(visits)),
            *wishes_in_words.of(entry),
        ],
        paragraphs=paragraphs,
        button=_("See your place on the list, or leave it"),
    )


def _of_offer(offer: WaitlistOffer, visits: Sequence[Appointment]) -> Wording:
    entry, places = offer.entry, [*offer.held]
    at, first = places[0].booking.location, moment_of(places[0])
    assert first.begins is not None  # what is held has a time
    if visits:
        headline = _("We can offer you an earlier visit")
        subject = _("We can offer you an earlier visit: %(day)s")
    else:
        headline, subject = _("We can offer you a visit"), _("We can offer you a visit: %(day)s")
    until = capfirst(words.opening_time(offer.until, at, Kind.EXACT))
    return _written(
        entry,
        at,
        subject=subject % {"day": words.day_of(first.begins, at.zone)},
        headline=headline,
        details=[
            (_("Visit for"), safe_first_name(places[0].unread_person.first_name)),
            (_("People"), str(len(places)) if len(places) > 1 else ""),
            (_("When"), _times(places)),
            (_("Where"), files.address(at)),
            (_("Instead of"), _times(visits)),
            (_("On hold for you until"), f"{until} ({words.zone_name(at.zone)})"),
        ],
        paragraphs=_about_answers(offer, is_exact=first.is_exact, has_visits=bool(visits)),
        button=_("See the time and answer"),
    )


def _about_answers(offer: WaitlistOffer, *, is_exact: bool, has_visits: bool) -> list[str]:
    page = BookingPage.of(offer.entry.practice)
    said = words.in_language(offer.entry.language, english=page.promise_en, spanish=page.promise_es)
    if offer.entry.unanswered + 1 < offers.MOST_UNANSWERED:
        unanswered = _(
            "If you do not answer, this goes to the next family and you stay on the list."
        )
    else:
        unanswered = _(
            "If you do not answer, this goes to the next family. You stay on the list, but we will "
            "not offer you more times until you ask for them."
        )
    stays = _("Your visit stays as it is unless you take this time.") if has_visits else ""
    return ["" if is_exact else wording.promise(said), stays, unanswered]


def _times(visits: Sequence[Appointment]) -> str:
    """Say when visits are: with the day, and a line for each where times differ."""
    return "\n".join(dict.fromkeys(when_of(moment_of(each)) for each in visits))


def _written(
    entry: WaitlistEntry,
    at: Location | None,
    *,
    subject: str,
    headline: str,
    details: Sequence[tuple[str, str]],
    paragraphs: Sequence[str],
    button: str,
) -> Wording:
    token, number = links.give(entry), "" if at is None else at.office_phone
    leave = address("waiting_leave", token, language=entry.language)
    return Wording(
        subject=subject,
        headline=headline,
        details=[(label, told) for label, told in details if told],
        paragraphs=[each for each in paragraphs if each],
        button=(button, address("waiting", token, language=entry.language)),
        phone=number,
        dial=phone.link(number),
        practice=entry.practice.name,
        unsubscribe=(_("Leave the waiting list"), leave),
    )
