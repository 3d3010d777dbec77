"""The page on which a family joins the waiting list where no time fits, and what it is told then.

Whoever is here has passed the first step, and what keeps robots out there; limits count who joins.
Whether somebody is on the list already nobody learns here: the page is the same, and the mail goes
to the address that the list has.
"""

import json
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from bookings.booking_page import holding, limits, wishes, words
from bookings.booking_page.outcomes import answer_refusals
from bookings.booking_page.page import Page, begin_anew, first_page, show, step
from bookings.booking_page.waiting import wishes_in_words
from bookings.booking_page.where import next_step
from bookings.booking_page.wishes import WishesForm
from bookings.models import ON_LIST, Appointment, WaitlistEntry
from bookings.patients import links
from bookings.patients.record import Patient
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.waitlist import entries
from bookings.scheduling.waitlist.entries import LASTS, Wishes
from openchair import encryption
from openchair.errors import LimitReached
from practices.ids import new_id


@step
@answer_refusals
def waiting(request: HttpRequest, page: Page) -> HttpResponse:
    visit = holding.visits(page)
    if holding.are_booked(visit):
        raise holding.AlreadyBooked(visit)
    if request.method != "POST":
        return _show(request, page, WishesForm(page, initial=_known(visit)))
    typed = wishes.typed(request)
    if "language" in request.POST:  # of book.js, as in step 5
        return _show(request, page, WishesForm(page, initial=typed))
    form = WishesForm(page, typed)
    if not form.is_valid():
        return _show(request, page, form, 400)
    if page.state.preview:
        raise holding.Preview
    wished = form.wishes()
    if wishes.are_free(page, wished):
        form.add_error(None, _("Times like this are free now. Book one, or say what fits better."))
        return _show(request, page, form, 409)
    patient = _patient(page, form)
    try:
        limits.spend_wait(page, patient)
    except LimitReached as limit:
        form.add_error(None, _("Too many people joined in a short time. Call the office to join."))
        refused = _show(request, page, form, 429)
        refused["Retry-After"] = str(limit.retry_after)
        return refused
    return _go(page, patient, wished, _join(page, patient, wished))


def _show(request: HttpRequest, page: Page, form: WishesForm, status: int = 200) -> HttpResponse:
    context = {
        "form": form,
        "mistakes": form.mistakes(),
        "has_mistakes": status != 200,
        "where": wishes.described_where(page),
        "change": page.url("book_where") if next_step(page) == "book_where" else "",
        "days": page.url("book_day") if status == 409 else "",
        "back": page.url("book_day"),
        "is_mailed": bool(settings.EMAIL_URL),
    }
    return show(request, page, "waiting.html", context, status)


def _known(visit: Sequence[Appointment]) -> dict[str, str]:
    """Return what was typed for a place that could not be had."""
    patient = visit[0].unread_person if visit else Patient()
    return {name: getattr(patient, name) for name in holding.TYPED}


def _patient(page: Page, form: WishesForm) -> Patient:
    first, last = page.state.people[0]
    said = {name: form.cleaned_data[name] for name in holding.TYPED}
    return Patient(first, last, guardian_name=page.state.guardian_name, **said)


def _join(page: Page, patient: Patient, wished: Wishes) -> WaitlistEntry | None:
    """Put the family on the list; return None where it is on it, and mail it its link once more."""
    try:
        return entries.join(
            page.practice,
            patient,
            wished,
            by=PATIENT,
            now=page.now,
            others=page.state.people[1:],
            language=page.language,
            source=page.state.source or "",
            attribution=page.state.attribution,
        )
    except entries.AlreadyWaiting as already:
        entries.tell(already.entry, page.now)
        return None


def _go(page: Page, patient: Patient, wished: Wishes, entry: WaitlistEntry | None) -> HttpResponse:
    """Redirect to the page that says what was noted; its address has that, and stays valid."""
    noted = {
        "is": "noted",
        "practice_id": page.practice.pk,
        "names": page.state.names,
        "email": patient.email,
        "wishes": wished,
        "until": page.today() + LASTS,
        # One that is nobody's has the same length: so the address does not tell, either.
        "entry": entry.pk if entry else new_id(),
    }
    query = urlencode({"noted": encryption.seal(json.dumps(noted, default=str))})
    address = reverse("book_waiting_done", args=[page.practice.pk])
    return HttpResponseRedirect(f"{address}?{query}", status=303)


@partial(first_page, even_if_off=True)
def done(request: HttpRequest, page: Page) -> HttpResponse:
    """Say what was noted, how it goes on, and how to leave: with the mail's link, or with this one.

    Only where no mail is sent is the link here; a family that was on the list already calls.
    """
    noted = _read(request.GET.get("noted", ""), page.practice.pk)
    if noted is None:
        return begin_anew(request, page)
    entry = WaitlistEntry.objects.filter(pk=noted["entry"]).first()
    as_noted = WaitlistEntry(practice=page.practice, **noted["wishes"])
    mailed_to = noted["email"] if settings.EMAIL_URL else ""
    context = {
        "people": noted["names"],
        "mailed_to": mailed_to,
        "until": words.day(date.fromisoformat(noted["until"])),
        "wishes": wishes_in_words.of(as_noted),
        "doctors": wishes_in_words.doctors(as_noted),
        "is_off": entry is not None and entry.status not in ON_LIST,
        "url": reverse("waiting", args=[links.give(entry)]) if entry and not mailed_to else "",
    }
    return show(request, page, "waiting_done.html", context)


def _read(sealed: str, practice_id: str) -> dict[str, Any] | None:
    """Return what was noted, as it was sealed here; None where it was not."""
    try:
        said = json.loads(encryption.unseal(sealed)) if sealed.isascii() else {}
    except (encryption.UnreadableError, ValueError):
        return None
    # Patients' data and states are sealed with the same keys.
    if not isinstance(said, dict) or said.get("is") != "noted":
        return None
    if said["practice_id"] != practice_id:
        return None
    for name in ("earliest", "latest"):
        day = said["wishes"][name]
        said["wishes"][name] = date.fromisoformat(day) if day else None
    return said
