"""Answers to an offer: take it, or stay on the list without it."""

from django.http import HttpRequest, HttpResponse

from bookings.booking_page.waiting.entry import Waiting
from bookings.booking_page.waiting.names import NamesForm
from bookings.booking_page.waiting.page import show_entry, waiting_page
from bookings.models import Appointment, EntryStatus, OfferOutcome
from bookings.patients import links
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.waitlist import answers, offers


@waiting_page("GET", "HEAD", "POST")
def accept(request: HttpRequest, waiting: Waiting) -> HttpResponse:
    """Book what is offered, or was, as the page showed it; a GET shows the entry."""
    offer = waiting.offer
    if request.method != "POST" or offer is None or waiting.entry.status == EntryStatus.BOOKED:
        return waiting.go()  # BOOKED: the button was pressed twice
    seen = request.POST.get("seen", "")
    waiting.check_may_take(seen)
    form = NamesForm(waiting.to_name, request.POST)
    if not form.is_valid():
        return show_entry(request, waiting, form=form, mistakes=form.mistakes(), status=400)

    def check(_: list[Appointment]) -> None:
        waiting.check_may_take(seen)

    booked = answers.accept(
        offer_id=offer.pk, by=PATIENT, now=waiting.now, names=form.names(), check=check
    )
    for each in booked:
        links.give(each)
    return waiting.go()


@waiting_page("GET", "HEAD", "POST")
def decline(request: HttpRequest, waiting: Waiting) -> HttpResponse:
    """Give the places back, and stay on the list; a GET shows the entry."""
    offer = waiting.offer
    if request.method != "POST" or offer is None or waiting.state != "offered":
        return waiting.go()
    waiting.check_seen(request.POST.get("seen", ""))
    outcome = OfferOutcome.DECLINED
    offers.end(offer_id=offer.pk, outcome=outcome, by=PATIENT, now=waiting.now)
    return waiting.go(declined="1")
