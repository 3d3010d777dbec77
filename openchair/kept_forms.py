"""What somebody sends whose login has ended meanwhile: kept in the page, to be sent again.

Nothing is stored. The form goes with the page that asks for the login, sealed, and from there to
the page that sends it on; so each window has its own, and it is gone with the window.
"""

import json
import time
from typing import Any, NamedTuple

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import add_never_cache_headers

from openchair import encryption
from openchair.staff import login

FIELD = "kept"
LONGEST = 64 * 1024
"""Characters of a form that is kept, as JSON."""
SECONDS = 60 * 60
"""For how long it can be sent again."""
_TOKEN = "csrfmiddlewaretoken"  # noqa: S105  # its name
# With a password, or a word that is good once; or no more than a button, which is pressed again.
_NOT_KEPT = {"once", "do", "post", "action"}
# Not typed, but what the page had seen, and ids of what was chosen from a list.
_UNSAID = {"seen", "location", "doctor", "practice", "partner"}


class KeptForm(NamedTuple):
    """A form as it was sent."""

    path: str
    fields: list[tuple[str, str]]

    @property
    def typed(self) -> list[tuple[str, str]]:
        """Give what a person would recognise of it: a label and a value each."""
        return [
            (name.strip("_").replace("_", " ").replace("-", " ").capitalize(), value)
            for name, value in self.fields
            if value and name.rsplit("-")[-1] not in _UNSAID and not name.endswith("_FORMS")
        ]


def of(request: HttpRequest) -> KeptForm | None:
    """Read what was posted, if it is to be kept."""
    fields = [
        (name, str(value))
        for name, values in request.POST.lists()
        for value in values
        if name != _TOKEN
    ]
    names = {name for name, _ in fields}
    if not fields or names & _NOT_KEPT or any("password" in name for name in names):
        return None
    return KeptForm(request.get_full_path(), fields)


def seal(form: KeptForm, person: int) -> str:
    """Seal a form, for patients are named in it; for this person alone, and for an hour."""
    text = json.dumps([person, int(time.time()), *form])
    return encryption.seal(text) if len(text) <= LONGEST else ""


def unseal(sealed: str, person: int | None) -> KeptForm | None:
    """Read a sealed form, if it is this person's and not too old."""
    try:
        sender, at, path, fields = json.loads(encryption.unseal(sealed))
    except (encryption.UnreadableError, ValueError):  # made up, or its key was taken away meanwhile
        return None
    if sender != person or time.time() - at > SECONDS:
        return None
    return KeptForm(path, [(name, value) for name, value in fields])


def sent(request: HttpRequest) -> KeptForm | None:
    """Read what somebody who is logged in has posted, or what a login page had kept for them."""
    sealed = request.POST.get(FIELD)
    return unseal(sealed, request.user.pk) if sealed else of(request)


def ask_for_login(request: HttpRequest) -> HttpResponse | None:
    """Answer who sends a form when the login has ended, with a login page that keeps the form.

    A page's token changes with every login, so what was sent with the last one is from a page of
    the person who was the last to log in with this browser. Where nobody is known, nothing is kept.
    """
    person, form = login.person_known_here(request), of(request)
    sealed = "" if person is None or form is None else seal(form, person)
    if not sealed:
        return None
    return _show(
        request,
        "admin/login.html",
        form=login.ThrottledLoginForm(request),
        app_path=reverse("admin:login"),
        next=request.get_full_path(),
        kept=sealed,
    )


def ask_to_send(request: HttpRequest, form: KeptForm) -> HttpResponse:
    """Show a form that did not arrive, to be sent on with one click, or not."""
    return _show(request, "admin/kept_form.html", title="Not sent yet", kept=form)


def _show(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    response = render(request, template, {**admin.site.each_context(request), **context})
    add_never_cache_headers(response)
    return response
