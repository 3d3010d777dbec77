"""What somebody sends whose login has ended meanwhile: kept until they are back to send it."""

import json
from typing import NamedTuple

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseRedirect
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from openchair import login, sealing

_KEPT = "kept_form"
_TOKEN = "csrfmiddlewaretoken"  # noqa: S105  # its name
# Not typed, but what the page had seen, counts of rows, and ids of what was chosen from a list.
_UNSAID = {"seen", "location", "doctor", "practice", "partner"}


class KeptForm(NamedTuple):
    """A form as it was sent."""

    person: str
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


def keep(request: HttpRequest) -> bool:
    """Keep what was posted in the session, for who sent it; say whether there was anything to keep.

    Sealed, for patients are named in it. What has a password in it is not kept, nor what makes a
    key, with a word that is good once and for its login alone (practices/admin/keys.py).
    """
    person = _sender(request)
    fields = [
        (name, str(value))
        for name, values in request.POST.lists()
        for value in values
        if name != _TOKEN
    ]
    secret = any("password" in name or name == "once" for name, _ in fields)
    if not person or not fields or secret:
        return False
    kept = KeptForm(person, request.get_full_path(), fields)
    request.session[_KEPT] = sealing.seal(json.dumps(kept))
    return True


def _sender(request: HttpRequest) -> str:
    """Say who is logged in, or was the last to log in with this browser; "" where nobody was."""
    if request.user.is_authenticated:
        return login.plain(request.user.get_username())
    return login.person_known_here(request)


def find(request: HttpRequest) -> KeptForm | None:
    """Give what was kept for the person who is logged in; another's is thrown away."""
    sealed = request.session.get(_KEPT)
    if sealed is None:
        return None
    try:
        kept = KeptForm(*json.loads(sealing.unseal(sealed)))
    except sealing.UnreadableError:  # the key was taken away meanwhile
        kept = None
    if kept is None or kept.person != _sender(request):
        del request.session[_KEPT]
        return None
    return kept


@require_http_methods(["GET", "HEAD", "POST"])
def page(request: HttpRequest) -> HttpResponse:
    """Show what was kept; send it on its way, once, or forget it."""
    kept = find(request)
    if kept is None:
        return redirect("admin:index")
    if request.method != "POST":
        context = {**admin.site.each_context(request), "title": "Not sent yet", "kept": kept}
        return render(request, "admin/kept_form.html", context)
    del request.session[_KEPT]
    # The browser sends the form's fields on to where they were meant for.
    return HttpResponseRedirect(kept.path, preserve_request="forget" not in request.GET)
