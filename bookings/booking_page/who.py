"""Step 1, who: how many people, their names, and who answers for those under 18."""

from dataclasses import replace
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from bookings.booking_page import holding, opening
from bookings.booking_page.forms import PatientForm, text
from bookings.booking_page.outcomes import answer_refusals
from bookings.booking_page.page import Page, begin_anew, first_page, show
from bookings.booking_page.state import State
from bookings.booking_page.where import next_step
from bookings.models import ATTRIBUTION
from bookings.scheduling.families import MOST
from practices.ids import is_id

SOONEST = 3
"""Seconds that a person takes at least to fill in the form."""
LONGEST = 2500
"""Most characters of the sealed state after this step: it is part of addresses, and gets longer."""
MOST_SAID = 100
"""Most characters of what an address says of where the patient came from."""
_PARAMETERS = {"booking_referral": "booking-referral"}
"""What a parameter is called where it is not as the field."""
_NUL = gettext_lazy("Use letters only")


class WhoForm(PatientForm):
    """Names of one to four people; what is typed for more than `count` is left aside."""

    count = forms.TypedChoiceField(
        coerce=int,
        widget=forms.RadioSelect,
        choices=[(n, n) for n in range(1, MOST + 1)],
        error_messages={
            "required": gettext_lazy("Choose how many people are coming"),
            "invalid_choice": gettext_lazy("Choose how many people are coming"),
        },
    )
    adult = forms.ChoiceField(
        widget=forms.RadioSelect,
        choices=[("yes", gettext_lazy("Yes")), ("no", gettext_lazy("No"))],
        error_messages={
            "required": gettext_lazy("Choose whether everyone coming is 18 or older"),
            "invalid_choice": gettext_lazy("Choose whether everyone coming is 18 or older"),
        },
    )
    guardian_name = text(
        label=gettext_lazy("Parent or guardian’s name"),
        max_length=200,
        required=False,
        attrs={"autocomplete": "name"},
        error_messages={
            "max_length": gettext_lazy("Use 200 letters or fewer"),
            "null_characters_not_allowed": _NUL,
        },
    )
    website = forms.CharField(required=False)
    """A field that people do not see."""

    def __init__(self, data: QueryDict | None = None, **values: Any) -> None:
        super().__init__(data, **values)
        for nth in range(1, MOST + 1):
            for name in (f"first_name_{nth}", f"last_name_{nth}"):
                self.fields[name] = name_field(name.startswith("first"), nth)
        self.order_fields(["count", *self._names(MOST), "adult", "guardian_name", "website"])

    def clean(self) -> dict[str, Any]:
        said: dict[str, Any] = self.cleaned_data
        count = said.get("count", 1)
        for name in self._names(MOST)[2 * count :]:
            self.errors.pop(name, None)
        for name in self._names(count):
            if not said.get(name) and name not in self.errors:
                self.add_error(name, missing_name(name, count))
        if said.get("adult") == "no":
            if not said.get("guardian_name") and "guardian_name" not in self.errors:
                self.add_error("guardian_name", _("Enter the parent or guardian’s name"))
        else:
            self.errors.pop("guardian_name", None)
        return said

    def rows(self) -> list[tuple[int, forms.BoundField, forms.BoundField]]:
        """Return the number of each person with the two fields."""
        return [
            (nth, self[f"first_name_{nth}"], self[f"last_name_{nth}"]) for nth in range(1, MOST + 1)
        ]

    @staticmethod
    def _names(count: int) -> list[str]:
        return [f"{which}_name_{nth}" for nth in range(1, count + 1) for which in ("first", "last")]

    @staticmethod
    def initial_of(state: State) -> dict[str, Any]:
        said: dict[str, Any] = {"count": len(state.people) or 1}
        for nth, (first, last) in enumerate(state.people, 1):
            said |= {f"first_name_{nth}": first, f"last_name_{nth}": last}
        if state.people:
            said["adult"] = "yes" if state.adult else "no"
        return {**said, "guardian_name": state.guardian_name}

    def said_in(self, state: State) -> State:
        """Return the state with what the form says."""
        said = self.cleaned_data
        people = tuple(
            (said[f"first_name_{nth}"], said[f"last_name_{nth}"])
            for nth in range(1, said["count"] + 1)
        )
        adult = said["adult"] == "yes"
        guardian = "" if adult else said["guardian_name"]
        return state.but(people=people, adult=adult, guardian_name=guardian)


@first_page
def who(request: HttpRequest, page: Page) -> HttpResponse:
    if request.method != "POST":
        if not page.is_read:
            return begin_anew(request, page)
        if "state" not in request.GET:
            page = replace(page, state=page.state.but(**_came_from(request.GET)))
        form = WhoForm(initial=WhoForm.initial_of(page.state))
        return _show(request, page, form)
    if "language" in request.POST:  # of book.js: from the form in the other language
        return _show(request, page, WhoForm(initial=request.POST.dict()))
    form = WhoForm(request.POST)
    if form.is_valid():
        state = form.said_in(page.state)
        why_not = _why_not(page, form, state)
        if not why_not:
            return _go_on(request, replace(page, state=state))
        form.add_error(None, why_not)
    return _show(request, page, form, 400)


@answer_refusals
def _go_on(request: HttpRequest, page: Page) -> HttpResponse:
    """Go to the next step; with other names for places that are held already, back to the check."""
    visit = holding.visits(page)
    if holding.are_booked(visit):
        raise holding.AlreadyBooked(visit)
    if len(visit) == len(page.state.people) and holding.can_be_had(visit):
        holding.keep(page)
        return page.go("book_check")
    wanted = opening.of(page)
    if wanted is not None:
        return opening.hold(page, wanted)
    return page.go(next_step(page))


def _why_not(page: Page, form: WhoForm, state: State) -> str:
    """Say why this is not taken: a robot's, or too long; an empty text where it is."""
    if form.cleaned_data["website"]:
        return _("This visit cannot be booked online. Call the office at the number below.")
    if page.now.timestamp() - page.state.began < SOONEST:
        return _(
            "That was faster than most people type. "
            "Press “Continue” again, or call the office at the number below."
        )
    if len(state.sealed()) > LONGEST:
        return _("These names are too long. Shorten them, or call the office.")
    return ""


def _came_from(query: QueryDict) -> dict[str, Any]:
    """Return what the first address says of where the patient came from, and of the opening."""
    asked = {name: query.get(_PARAMETERS.get(name, name), "") for name in ("source", *ATTRIBUTION)}
    said = {
        name: value
        for name, value in asked.items()
        if value.isprintable() and 0 < len(value) <= MOST_SAID
    }
    named = query.get(opening.PARAMETER)
    return {
        "opening": named if is_id(named) else None,
        "source": said.pop("source", None),
        "attribution": said or None,
    }


def _show(request: HttpRequest, page: Page, form: WhoForm, status: int = 200) -> HttpResponse:
    context = {"form": form, "mistakes": form.mistakes(), "opening": opening.named(page)}
    response = show(request, page, "who.html", context, status)
    # Of links to openings there are many, and none is true for long.
    if not {"state", opening.PARAMETER} & {*request.GET} and not page.state.preview:
        response["X-Robots-Tag"] = "all"
    return response


def missing_name(name: str, count: int) -> str:
    """Say that a name is missing; name: of the field. count: of the people."""
    which, nth = name.split("_name_")
    if count == 1:
        return _("Enter the first name") if which == "first" else _("Enter the last name")
    if which == "first":
        return _("Enter the first name of person %(nth)s") % {"nth": nth}
    return _("Enter the last name of person %(nth)s") % {"nth": nth}


def name_field(is_first: bool, nth: int) -> forms.CharField:
    """Return the field for the first or last name of a person."""
    autocomplete = "given-name" if is_first else "family-name"
    return text(
        label=gettext_lazy("First name") if is_first else gettext_lazy("Last name"),
        max_length=100,
        required=False,
        # A section for each: whatever the browser knows of one goes into no other's fields. Not
        # "off", with which what was typed is gone when the browser goes back to the page.
        attrs={"autocomplete": f"section-person-{nth} {autocomplete}"},
        error_messages={
            "max_length": gettext_lazy("Use 100 letters or fewer"),
            "null_characters_not_allowed": _NUL,
        },
    )
