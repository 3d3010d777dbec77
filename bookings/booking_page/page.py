"""Shared parts of the booking page's views: practice, state, language, headers, addresses."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property, wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import reverse, translate_url
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from bookings import phone, walltime
from bookings.booking_page import preview, rules, words
from bookings.booking_page.state import State, UnreadableState
from bookings.scheduling import bookings
from practices.models import BookingPage, Doctor, Location, Practice

View = Callable[..., HttpResponse]
POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self'",
    # book.js extends a hold.
    "connect-src": "'self'",
    "form-action": "'self'",
    "base-uri": "'none'",
}


@dataclass(frozen=True)
class Page:
    """Context of a request to the booking page. Its `now` is the one instant for all of it."""

    practice: Practice
    settings: BookingPage
    state: State
    now: datetime
    language: str
    address: str
    """The client's network address."""
    is_read: bool = True
    """Whether the state is what was sent, if anything was."""

    @classmethod
    def of(
        cls,
        request: HttpRequest,
        practice: Practice,
        state: State,
        now: datetime,
        *,
        is_read: bool = True,
    ) -> "Page":
        settings = BookingPage.of(practice)
        address = request.META.get("REMOTE_ADDR", "")
        return cls(practice, settings, state, now, get_language() or "en", address, is_read)

    @cached_property
    def locations(self) -> list[Location]:
        """The locations that are shown, by name."""
        return rules.locations(self.practice, self.settings)

    @cached_property
    def doctors(self) -> list[Doctor]:
        """The doctors that are shown, by name, who work at a location that is."""
        return rules.doctors(self.practice, self.settings, self.locations)

    @property
    def text(self) -> tuple[str, str]:
        """The practice's text for patients, and its language."""
        said = self.settings
        return words.in_language(self.language, english=said.text_en, spanish=said.text_es)

    @property
    def promise(self) -> tuple[str, str]:
        """When the office answers, and the language of that."""
        said = self.settings
        return words.in_language(self.language, english=said.promise_en, spanish=said.promise_es)

    def today(self, location: Location | None = None) -> date:
        """The day at a location, or where it is earliest of those that are shown."""
        at = [location] if location else self.locations
        return min(walltime.wall_clock(self.now, each.zone).date() for each in at)

    def url(self, name: str, state: State | None = None, **query: str) -> str:
        """Return a step's address with the state, this page's unless another is given."""
        said = {"state": (state or self.state).sealed(), **query}
        return f"{reverse(name, args=[self.practice.pk])}?{urlencode(said)}"

    def go(self, name: str, state: State | None = None, **query: str) -> HttpResponse:
        """Redirect to a step, after a form was sent."""
        return HttpResponseRedirect(self.url(name, state, **query), status=303)


def page_view(view: View) -> View:
    """Decorate a view as `first_page` does; a state that cannot be read begins anew."""

    @wraps(view)
    def readable(request: HttpRequest, page: Page, **kwargs: Any) -> HttpResponse:
        return view(request, page, **kwargs) if page.is_read else begin_anew(request, page)

    return first_page(readable)


def first_page(view: View, *, even_if_off: bool = False) -> View:
    """Decorate a view of the booking page: a `Page` as argument, lapsed holds expired, headers.

    The state is the one that was sent, or a new one where none was, or one that cannot be read.
    Where the practice has no booking page, a page says whom to call, unless the view does.
    Raises Http404 for a practice that does not exist or is not active.
    """

    @wraps(view)
    def entered(request: HttpRequest, practice_id: str, **kwargs: Any) -> HttpResponse:
        practice = _practice(practice_id)
        now = walltime.now()
        sent = request.POST.get("state") or request.GET.get("state")
        is_preview = preview.is_valid(request.GET.get("preview", ""), practice_id)
        state, is_read = State.begin(practice_id, now, preview=is_preview), True
        if sent:
            try:
                state = State.read(sent, practice_id, now)
            except UnreadableState:
                is_read = False
        page = Page.of(request, practice, state, now, is_read=is_read)
        is_off = not (page.settings.active or state.preview) or not page.locations
        if is_off and not even_if_off:
            response = show(request, page, "off.html", status=404)
        else:
            bookings.catch_up(practice_id=practice_id, now=now)
            response = view(request, page, **kwargs)
        return _frameable(response, page.settings.origins.split())

    return public(require_http_methods(["GET", "HEAD", "POST"])(entered))


def begin_anew(request: HttpRequest, page: Page) -> HttpResponse:
    return show(request, page, "begin_anew.html", status=400)


def step(view: View) -> View:
    """Decorate a step after the first as `page_view` does; without names, go to the first step."""

    @wraps(view)
    def with_people(request: HttpRequest, page: Page, **kwargs: Any) -> HttpResponse:
        return view(request, page, **kwargs) if page.state.people else page.go("book")

    return page_view(with_people)


def public(view: View) -> View:
    """Decorate a page for patients: no cookies, nothing stored, no referrer, not indexed.

    It needs no token against forged forms: without cookies there is no authority to borrow.
    """

    @wraps(view)
    def with_headers(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        response["Cache-Control"] = "no-store"
        response["Referrer-Policy"] = "no-referrer"
        response.headers.setdefault("X-Robots-Tag", "noindex")
        response.headers.setdefault("Content-Security-Policy", _policy("'none'"))
        return response

    return csrf_exempt(with_headers)


def _frameable(response: HttpResponse, origins: list[str]) -> HttpResponse:
    """Let these web sites show the answer in a frame, and nobody else.

    X-Frame-Options can name no site, so it is sent only where there are none.
    """
    if origins:
        response["Content-Security-Policy"] = _policy(" ".join(origins))
        response.xframe_options_exempt = True
    return response


def _policy(frame_ancestors: str) -> str:
    directives = {**POLICY, "frame-ancestors": frame_ancestors}
    return "; ".join(f"{name} {of}" for name, of in directives.items())


def show(
    request: HttpRequest,
    page: Page,
    template: str,
    context: Mapping[str, Any] | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render a template of templates/book/ with `page`, the state, and the other language's link.

    The link leads to the same step with the same state, from a form with mistakes too.
    """
    here = request.get_full_path()
    if request.method == "POST":
        here = f"{request.path}?{urlencode({'state': page.state.sealed()})}"
    everywhere = {
        **languages(here),
        "page": page,
        "practice": page.practice,
        "phones": phones(page.locations),
        "people": page.state.names,
        "state": page.state.sealed(),
        "has_mistakes": status == 400,
        "is_framed": request.headers.get("Sec-Fetch-Dest") == "iframe",
    }
    return render(request, f"book/{template}", {**everywhere, **(context or {})}, status=status)


def languages(here: str) -> dict[str, str]:
    """Return the context of the page's language, and of the link from here to the other one."""
    language = get_language() or "en"
    other = "es" if language == "en" else "en"
    url = translate_url(here, other)
    return {"language": language, "other_language": other, "other_language_url": url}


def phones(locations: Iterable[Location]) -> list[tuple[str, str, str]]:
    """Return each location's name, its office's number, and the link that dials it."""
    return [
        (each.name, each.office_phone, phone.link(each.office_phone))
        for each in locations
        if each.office_phone
    ]


def _practice(practice_id: str) -> Practice:
    rows = Practice.objects.select_related("booking_page", "mail_settings").prefetch_related(
        "locations", "booking_page__locations"
    )
    return get_object_or_404(rows, pk=practice_id, active=True)
