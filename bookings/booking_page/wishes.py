"""What a family waits for: the form of the page on which it joins the waiting list."""

from datetime import timedelta
from typing import Any

from django import forms
from django.conf import settings
from django.http import HttpRequest
from django.utils import dates
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings import walltime
from bookings.booking_page import words
from bookings.booking_page.contact import MOST, ContactForm, typed_in
from bookings.booking_page.criteria import criteria_of, doctor_ids, location_ids
from bookings.booking_page.page import Page
from bookings.models import WEEKDAYS, WaitlistEntry
from bookings.patients.record import by_phone
from bookings.scheduling import availability
from bookings.scheduling.waitlist import matching
from bookings.scheduling.waitlist.entries import LASTS, Wishes

_WEEKDAYS = {code: dates.WEEKDAYS[nth] for nth, code in enumerate(WEEKDAYS)}
_SEVERAL = ("weekdays", "parts")
_DAYS = ("earliest", "latest")


def _checkboxes(choices: dict[str, Any]) -> forms.MultipleChoiceField:
    return forms.MultipleChoiceField(
        choices=[*choices.items()],
        required=False,
        widget=forms.CheckboxSelectMultiple,
        error_messages={"invalid_choice": gettext_lazy("Choose among these")},
    )


def _day(label: Any) -> forms.DateField:
    return forms.DateField(
        label=label,
        required=False,
        # As browsers send it, and as people type where the browser has no calendar to choose from.
        input_formats=["%Y-%m-%d", "%m/%d/%Y"],
        widget=forms.DateInput({"class": "input input-short", "type": "date"}, format="%Y-%m-%d"),
        error_messages={"invalid": gettext_lazy("Enter a date like 06/30/2026.")},
    )


class WishesForm(ContactForm):
    """How the family is reached, and what would fit; no box ticked and no date mean any.

    No code is asked for by e-mail: nothing is booked until somebody answers the mail of an offer,
    or the phone.
    """

    may_ask_code = False
    weekdays = _checkboxes(_WEEKDAYS)
    parts = _checkboxes(words.PARTS)
    earliest = _day(gettext_lazy("First day"))
    latest = _day(gettext_lazy("Last day"))

    def __init__(self, page: Page, *args: Any, **kwargs: Any) -> None:
        super().__init__(page, *args, **kwargs)
        self.page = page
        if settings.EMAIL_URL:
            self.fields["email"].help_text = _("Without it, the office has to call you.")

    def clean(self) -> dict[str, Any]:
        said = super().clean()
        # A country may have shorter numbers than the list finds anybody by.
        if said.get("phone") and not said.get("email") and not by_phone(said["phone"]):
            self.add_error(
                "email", _("Enter an e-mail address too: this phone number is too short.")
            )
        earliest, latest, today = said.get("earliest"), said.get("latest"), self.page.today()
        if earliest and earliest > today + LASTS:
            self.add_error(
                "earliest",
                _("You stay on the list for %(days)s days: choose a day in that time.")
                % {"days": LASTS.days},
            )
        if latest and latest < today:
            self.add_error("latest", _("This day is over: choose a later one."))
        elif latest and earliest and latest < earliest:
            self.add_error("latest", _("The last day is before the first."))
        return said

    def wishes(self) -> Wishes:
        """Return what the form says, with what was chosen on the steps before."""
        said = self.cleaned_data
        return {
            **where(self.page),
            "people": len(self.page.state.people),
            "weekdays": said["weekdays"],
            "parts": said["parts"],
            "earliest": said["earliest"],
            "latest": said["latest"],
        }


def typed(request: HttpRequest) -> dict[str, Any]:
    """Return what was typed and ticked, right or wrong."""
    several = {name: request.POST.getlist(name) for name in _SEVERAL}
    days = {name: request.POST.get(name, "")[:MOST] for name in _DAYS}
    return {**typed_in(request), **several, **days}


def where(page: Page) -> Wishes:
    """Return the locations and doctors that are chosen; named where not all of them are shown."""
    rules, state = page.settings, page.state
    at, whom = location_ids(page), doctor_ids(page)
    return {
        "location_ids": at if [state.location_id] == at or rules.locations.all() else [],
        "doctor_ids": whom if [state.doctor_id] == whom or rules.doctors.all() else [],
    }


def are_free(page: Page, wishes: Wishes) -> bool:
    """Whether something that the page shows is as wished; the page's own hold counts as free."""
    entry, people = WaitlistEntry(**wishes), wishes["people"]
    who = matching.Candidate(entry, people, before=None, left=(), offered=())
    criteria = criteria_of(page)
    last = walltime.wall_clock(criteria.latest, page.locations[0].zone).date() + timedelta(days=1)
    days = availability.read(page.practice, criteria, page.today(), last)
    return matching.first_option(who, page.practice, days) is not None


def described_where(page: Page) -> list[tuple[str, str]]:
    """Return labels and words of where and with whom, as far as there is a choice."""
    said = []
    for label, shown, any_of_them, chosen in (
        (_("Office"), page.locations, _("Any office"), page.state.location_id),
        (_("Doctor"), page.doctors, _("Any doctor"), page.state.doctor_id),
    ):
        if len(shown) > 1:
            names = {each.pk: each.name for each in shown}
            said.append((label, names.get(chosen or "", any_of_them)))
    return said
