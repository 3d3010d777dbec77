"""View of the page "Onboard a practice": rows without scripts, nothing typed is lost, made once."""

from typing import Any

from django.contrib import admin, messages
from django.core import signing
from django.db import IntegrityError
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render

from practices.admin.handing_over import curl_line
from practices.admin.onboarding.forms import FORMSETS, PartnerForm, PracticeForm, typed
from practices.admin.onboarding.making import Made, make
from practices.admin.operators import operators_page
from practices.ids import new_id
from practices.models import Practice
from practices.timezones import in_words

_SALT = "openchair.onboard"
_ROWS = {"locations": 2, "doctors": 2, "staff": 2}
"""How many rows there are at first, and how many more a button gives."""


class Forms:
    """All forms of the page: as they were sent, or with what was typed and no word about it."""

    def __init__(self, data: Any = None) -> None:
        self.practice = PracticeForm(data)
        self.partner = PartnerForm(data, prefix="partner")
        self.locations = self._rows("locations", data)
        self.doctors = self._rows("doctors", data)
        self.staff = self._rows("staff", data)

    def _rows(self, name: str, data: Any, **values: Any) -> Any:
        if name == "doctors":
            named = [(form["name"].value() or "").strip() for form in self.locations.forms]
            values["form_kwargs"] = {"locations": named}
        return FORMSETS[name](data, prefix=name, **{"rows": _ROWS[name], **values})

    def with_more(self, more: str) -> "Forms":
        """Return the same forms with more rows of this kind, unchecked as yet."""
        made = Forms()
        made.practice = PracticeForm(initial=typed(self.practice))
        made.partner = PartnerForm(initial=typed(self.partner), prefix="partner")
        for name in _ROWS:
            kept = getattr(self, name).typed()
            rows = len(kept) + (_ROWS[name] if name == more else 0)
            setattr(made, name, made._rows(name, None, initial=kept, rows=rows))
        return made

    @property
    def each(self) -> list[BaseForm]:
        """Every form, in the page's order."""
        rows = [*self.locations.forms, *self.doctors.forms, *self.staff.forms]
        return [self.practice, *rows, self.partner]

    def are_valid(self) -> bool:
        """Whether all are; each is checked, so that one answer has all the mistakes."""
        checked = [each.is_valid() for each in (self.practice, self.partner)]
        checked += [getattr(self, name).is_valid() for name in _ROWS]
        return all(checked)


@operators_page
def page(request: HttpRequest) -> HttpResponse:
    """Show the form; or make the practice with all that belongs to it, and show that once."""
    if request.method != "POST":
        return _show(request, Forms())
    forms, more = Forms(request.POST), request.POST.get("more", "")
    if more in _ROWS:
        return _show(request, forms.with_more(more), more=more)
    practice_id = _practice_id(request)
    if practice_id is None:
        forms.practice.add_error(None, "This page was out of date. Send it again.")
        return _show(request, forms, status=400)
    are_valid = forms.are_valid()
    # Afterwards, for the same page sent a moment before may have taken these names meanwhile.
    if Practice.objects.filter(pk=practice_id).exists():
        return _made_already(request, practice_id)
    if not are_valid:
        return _show(request, forms, status=400)
    try:
        made = make(request, forms, practice_id)
    except IntegrityError:
        if Practice.objects.filter(pk=practice_id).exists():  # sent twice at the same moment
            return _made_already(request, practice_id)
        said = "Somebody just took one of these names. Nothing was created: send it again."
        forms.practice.add_error(None, said)
        return _show(request, forms, status=409)
    return _show_made(request, made)


def _practice_id(request: HttpRequest) -> str | None:
    """Return the id that the practice will have: no form, sent again, makes a second one."""
    try:
        practice_id, user_id = signing.loads(request.POST.get("once", ""), salt=_SALT)
    except (signing.BadSignature, TypeError, ValueError):
        return None
    return str(practice_id) if user_id == request.user.pk else None


def _made_already(request: HttpRequest, practice_id: str) -> HttpResponse:
    messages.warning(
        request,
        "This practice was already created. Links and keys are not shown again: "
        "create new ones below.",
    )
    return redirect("admin:desk_hub", practice_id)


def _show(request: HttpRequest, forms: Forms, *, more: str = "", status: int = 200) -> HttpResponse:
    if more:
        first_new = getattr(forms, more).forms[-_ROWS[more]]
        first_new.fields["name"].widget.attrs["autofocus"] = True
    elif status == 200:
        forms.practice.fields["name"].widget.attrs["autofocus"] = True
    context = {
        **admin.site.each_context(request),
        "title": "Onboard a practice",
        "forms": forms,
        "has_mistakes": status >= 400,
        "once": _once(request),
    }
    return render(request, "admin/onboarding/form.html", context, status=status)


def _once(request: HttpRequest) -> str:
    kept = _practice_id(request) if request.method == "POST" else None
    return signing.dumps([kept or new_id(), request.user.pk], salt=_SALT)


def _show_made(request: HttpRequest, made: Made) -> HttpResponse:
    context = {
        **admin.site.each_context(request),
        "title": f"{made.practice} is ready",
        "made": made,
        "locations": [(each.name, in_words(each.timezone)) for each in made.locations],
        "curl": made.partner and curl_line(request, made.partner, made.key),
    }
    return render(request, "admin/onboarding/made.html", context)
