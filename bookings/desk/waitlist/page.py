"""The page of the waiting list: whom to call, what is offered, who waits; and answers for them."""

from collections.abc import Callable, Mapping
from typing import Any

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.views.decorators.http import require_safe

from bookings.desk.desk import Desk, attempt, desk_page, show
from bookings.desk.paging import SIZE, links, slice_of
from bookings.desk.waitlist import fitting, rows
from bookings.models import OfferOutcome, WaitlistEntry, WaitlistOffer
from bookings.scheduling.waitlist import answers, offers
from openchair.errors import Refused


@desk_page
@require_safe
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    part = slice_of(request)
    listed = fitting.on_list(desk.practice, desk.now).prefetch_related(*rows.RELATED)
    found = list(listed[part])
    untold = fitting.untold()
    context = {
        "title": "Waiting list",
        "count": fitting.on_list(desk.practice, desk.now).count(),
        "near": rows.near(desk),
        "to_call": rows.offered(desk, untold),
        "offered": rows.offered(desk, ~untold) if untold else [],
        "rows": rows.waiting(found[:SIZE], desk, first=part.start + 1),
        **links(request, len(found)),
    }
    return show(request, desk, "waitlist/page.html", context)


@desk_page
def answer(request: HttpRequest, desk: Desk, offer_id: int) -> HttpResponse:
    """Take an offer for a family that says so on the phone, decline it, or withdraw it."""
    open_or_not = WaitlistOffer.objects.filter(entry__practice=desk.practice)
    offer = get_object_or_404(open_or_not.select_related("entry"), pk=offer_id)
    if request.method == "POST":
        do(request, _answers(offer, desk))
    return redirect("admin:desk_waitlist", desk.practice.pk)


Acts = Mapping[str, tuple[Callable[[], Any], str]]
"""What the buttons of a form do, by their value, and what to say when it is done."""


def do(request: HttpRequest, acts: Acts) -> None:
    """Do what the button says that was pressed. Raises Http404 where there is none such."""
    wanted = request.POST.get("do", "")
    if wanted not in acts:
        raise Http404
    attempt(request, *acts[wanted])


def _answers(offer: WaitlistOffer, desk: Desk) -> Acts:
    """Return what can be done with an offer."""

    def take() -> None:
        answers.accept(offer_id=offer.pk, by=desk.by, now=desk.now)

    def end(outcome: OfferOutcome) -> None:
        if not offers.end(offer_id=offer.pk, outcome=outcome, by=desk.by, now=desk.now):
            raise Refused("changed", "This offer has ended already.")

    return {
        "take": (take, booked(offer.entry, desk)),
        "decline": (
            lambda: end(OfferOutcome.DECLINED),
            "The family declined, and stays on the list. The next one is offered the place.",
        ),
        "withdraw": (
            lambda: end(OfferOutcome.WITHDRAWN),
            "The offer is withdrawn. The next family is offered the place.",
        ),
    }


def booked(entry: WaitlistEntry, desk: Desk) -> str:
    """Say that a family has the place, and whether mail tells it. Messages are in a cookie."""
    done = "The visit is booked, and the family is off the list."
    if desk.practice.range_bookings:
        done = "The family is off the list. Its visit is under Requests: give it a time."
    return f"{done} {told(entry)}"


def told(entry: WaitlistEntry) -> str:
    """Say whether a family gets an e-mail."""
    reaches = entry.email_digest and settings.EMAIL_URL
    return "The family gets an e-mail." if reaches else "The family gets no e-mail: tell them."
