"""The page "Calendars": one's own links to the doctors' calendars, and whether they have names."""

from functools import partial
from typing import Any

from django.contrib import messages
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from bookings.calendars import feed, links
from bookings.desk.desk import Desk, desk_page, show
from bookings.desk.practice_settings import SettingsForm, answer, record
from bookings.models import CalendarLink
from practices.admin.operators import not_sent
from practices.models import CalendarSettings


class CalendarForm(SettingsForm):
    class Meta:
        model = CalendarSettings
        exclude = ["practice"]  # a new field is for its practice to set

    def save(self, commit: bool = True) -> Any:
        """Save; whoever reads the names from now on is recorded anew."""
        for link in _links(self.desk):
            feed.record_anew(link)
        return super().save(commit)


@desk_page
def page(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Show the doctors with one's own links, or save whether calendars have patients' names."""
    done = "Saved. Calendars have it when they next look."
    render = partial(_show, request, desk)
    return answer(request, desk, CalendarSettings, CalendarForm, render, done=done)


@desk_page
def make(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Make one's own link to a doctor's calendar, or replace it, and show it once."""
    if request.method != "POST":
        return not_sent(request, "admin:desk_calendars", desk.practice.pk)
    doctor = next((each for each in desk.doctors if each.pk == request.POST.get("doctor")), None)
    if doctor is None:
        raise Http404
    instead_of = request.POST.get("link", "")
    token = links.make(doctor, user=desk.user, now=desk.now, instead_of=instead_of)
    if token is None:
        said = f"Your link to the calendar of {doctor} was made already, and cannot be shown again."
        messages.warning(request, f"{said} If it is lost, replace it.")
        return redirect("admin:desk_calendars", desk.practice.pk)
    saved = CalendarSettings.of(desk.practice)
    shown = {"doctor": doctor, "address": links.address(request, token)}
    return _show(request, desk, CalendarForm(desk, instance=saved), saved, 200, shown)


@desk_page
def revoke(request: HttpRequest, desk: Desk) -> HttpResponse:
    """Revoke a link of one's own; an operator, anybody's in the practice."""
    if request.method != "POST":
        return not_sent(request, "admin:desk_calendars", desk.practice.pk)
    rows = _links(desk) if desk.user.is_superuser else _links(desk).filter(user=desk.user)
    link = next((each for each in rows if each.pk == request.POST.get("link")), None)
    if link is None:
        messages.warning(request, "That link was revoked or replaced already.")
    else:
        links.revoke(link, by=desk.user)
        messages.success(request, f"The link to the calendar of {link.doctor} no longer works.")
    return redirect("admin:desk_calendars", desk.practice.pk)


def _show(
    request: HttpRequest,
    desk: Desk,
    form: SettingsForm,
    saved: CalendarSettings,
    status: int,
    shown: dict[str, Any] | None = None,
) -> HttpResponse:
    every = list(_links(desk))
    mine = {link.doctor_id: link for link in every if link.user_id == desk.user.pk}
    others = [link for link in every if link.user_id != desk.user.pk]
    context = {
        "title": "Calendars",
        "form": form,
        "with_names": saved.names,
        "doctors": [(doctor, mine.get(doctor.pk)) for doctor in desk.doctors],
        "shown": shown,
        "others": others if desk.user.is_superuser else [],
        "working": set(links.working().filter(pk__in=[link.pk for link in others])),
        **record(desk, CalendarSettings),
    }
    return show(request, desk, "calendars.html", context, status)


def _links(desk: Desk) -> QuerySet[CalendarLink]:
    rows = CalendarLink.objects.filter(doctor__practice=desk.practice)
    return rows.select_related("user", "doctor").order_by("doctor__name", "user__username")
