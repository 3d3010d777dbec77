"""Views of one patient's visit: what is known of the patient, its status, cancelling it."""

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.html import format_html

from bookings.desk import entering, history, labels, proposed, sources, times, visit_mail
from bookings.desk.booking import Card, cards_of
from bookings.desk.clashes import Given, guard
from bookings.desk.desk import (
    Desk,
    as_seen,
    attempt,
    desk_page,
    say_mistakes,
    show,
    try_form,
    version,
)
from bookings.desk.forms import ExactTimeForm
from bookings.desk.next_free import may_move
from bookings.desk.not_entered import changed_at
from bookings.desk.patient_forms import REASONS, CancelForm, EditPatientForm
from bookings.desk.telling import cancelling, told
from bookings.desk.waitlist import fitting
from bookings.models import Appointment, AppointmentStatus
from bookings.scheduling import appointments
from bookings.scheduling.families import to_come
from openchair.errors import Refused


@desk_page
def edit(request: HttpRequest, desk: Desk, appointment_id: str) -> HttpResponse:
    """Show and change what is known of a patient, unless the visit changed since it was shown."""
    appointment = desk.appointment(appointment_id)
    form = EditPatientForm(appointment.person)
    if request.method != "POST":
        return _show(request, desk, appointment, form)
    form = EditPatientForm(appointment.person, request.POST)
    check = as_seen(request.POST.get("seen", ""), version)
    edited = try_form(
        form,
        lambda: appointments.edit(
            appointment_id=appointment.pk,
            fields=form.fields_for_verb(),
            by=desk.by,
            now=desk.now,
            check=check,
        ),
    )
    if edited is None:
        # The form gets the current version: saving again after a conflict message is deliberate.
        return _show(request, desk, desk.appointment(appointment_id), form, 400)
    changed = labels.listed([labels.patient_field(name) for name in form.changed_data])
    goes_anew = "email" in form.changed_data and cancelling(edited, desk.now)
    said = format_html("Changed: {}.{}", changed, told([edited] if goes_anew else [], desk))
    messages.success(request, said if changed else "Nothing was changed.")
    return redirect("admin:desk_booking", desk.practice.pk, appointment.booking_id)


def _show(
    request: HttpRequest,
    desk: Desk,
    appointment: Appointment,
    form: EditPatientForm,
    status: int = 200,
) -> HttpResponse:
    (shown,) = cards_of([appointment], desk)
    context = {
        "title": "Patient",
        "card": shown,
        "booking": appointment.booking,
        "form": form,
        "seen": version(appointment),
        "changed_at": changed_at(appointment),
        "is_for_system": desk.system is not None and entering.concerns(appointment),
        "is_cancelled": appointment.status == AppointmentStatus.CANCELLED,
        "lines": history.of_visit(appointment),
        "came_from": _came_from(desk, appointment),
        "family": _family(desk, appointment),
        "waits": appointment.waitlist_entries.on_list(desk.now).first(),
        "may_wait": bool(to_come(appointment, desk.now)),
        "mails": visit_mail.of_visit(appointment),
        "wants_text": visit_mail.wants_text(appointment, desk, mail_refused=shown.mail_refused),
    }
    return show(request, desk, "patient.html", context, status)


def _came_from(desk: Desk, appointment: Appointment) -> list[tuple[str, str]]:
    """Say where a patient of the booking page came from, as far as the address said it."""
    source, said = appointment.source, appointment.attribution or {}
    found = [("Source", sources.words(desk.practice, [source])[source] if source else "")]
    found += [(label, said.get(name, "")) for name, label in _ATTRIBUTION.items()]
    return [(label, text) for label, text in found if text]


_ATTRIBUTION = {
    "booking_referral": "Referral",
    "utm_source": "Website",
    "utm_medium": "Medium",
    "utm_campaign": "Campaign",
}


def _family(desk: Desk, appointment: Appointment) -> list[Card]:
    """Return the other visits that were taken together with this one."""
    if appointment.group_id is None:
        return []
    rows = Appointment.objects.filter(
        group_id=appointment.group_id, booking__practice=desk.practice
    )
    related = rows.select_related("booking__location", "booking__practice", "booking__doctor")
    others = related.exclude(pk=appointment.pk).order_by("created_at", "id")
    return cards_of(others, desk)


@desk_page
def cancel(request: HttpRequest, desk: Desk, appointment_id: str) -> HttpResponse:
    """Cancel a visit, unless its status changed since the page was rendered; first ask how."""
    appointment = desk.appointment(appointment_id)
    from_ranges = "from_ranges" in (request.POST or request.GET)
    page = redirect("admin:desk_booking", desk.practice.pk, appointment.booking_id)
    if from_ranges:
        page = redirect("admin:desk_ranges", desk.practice.pk)
    changes = cancelling(appointment, desk.now)
    if request.method != "POST":
        if not may_move(appointment):
            return page
        return _ask(request, desk, appointment, CancelForm(changes=changes, now=desk.now))
    form = CancelForm(request.POST, changes=changes, now=desk.now)
    if not form.is_valid():
        return _ask(request, desk, appointment, form, 400)
    when = times.of_appointment(appointment)
    is_cancelled = attempt(
        request,
        lambda: appointments.cancel(
            appointment_id=appointment.pk,
            by=desk.by,
            now=desk.now,
            check=as_seen(request.POST.get("seen", "")),
            reason=form.cleaned_data["reason"],
            late=form.cleaned_data["late"],
            notice=form.notice,
        ),
        format_html(
            "The visit{} is cancelled.{}",
            f" on {when}" if when else "",
            told([each.visit for each in changes], desk, form.notice),
        ),
    )
    if not is_cancelled and may_move(now := desk.appointment(appointment_id)):
        return _ask(request, desk, now, form, 409)
    return page


def _ask(
    request: HttpRequest, desk: Desk, appointment: Appointment, form: CancelForm, status: int = 200
) -> HttpResponse:
    (shown,) = cards_of([appointment], desk)
    context = {
        "title": f"Cancel the visit of {labels.patient(appointment)}",
        "card": shown,
        "booking": appointment.booking,
        "form": form,
        "from_ranges": "from_ranges" in (request.POST or request.GET),
        "reasons": REASONS,
    }
    return show(request, desk, "cancel.html", context, status)


@desk_page
def act(request: HttpRequest, desk: Desk, appointment_id: str) -> HttpResponse:
    """Book or reserve a place that a patient has on hold, or reserved."""
    appointment = desk.appointment(appointment_id)
    page = redirect("admin:desk_booking", desk.practice.pk, appointment.booking_id)
    if request.method != "POST":  # a redirect after logging in again, or a reload
        return page
    wanted = request.POST.get("do", "")
    if wanted not in {AppointmentStatus.BOOKED, AppointmentStatus.RESERVED}:
        raise Http404
    fields: appointments.Fields = {"status": wanted}
    if wanted == AppointmentStatus.BOOKED and desk.practice.range_bookings:
        form = ExactTimeForm(request.POST, desk=desk, booking=appointment.booking)
        if not form.is_valid():
            say_mistakes(request, form)
            return page
        fields["start_datetime"] = form.cleaned_data["start"]

    check_seen = as_seen(request.POST.get("seen", ""))

    def check(place: Appointment) -> None:
        check_seen(place)
        _check_is_theirs(place)

    def change() -> Appointment:
        return appointments.edit(
            appointment_id=appointment.pk, fields=fields, by=desk.by, now=desk.now, check=check
        )

    became = "is booked" if wanted == AppointmentStatus.BOOKED else "needs a time"
    agreed, exact = request.POST.get("anyway", ""), fields.get("start_datetime")
    if exact is not None:
        became += f" for {labels.dated(exact, appointment.booking.location.zone)}"
    attempt(
        request,
        lambda: guard(change, Given(appointment.booking, exact, appointment), agreed=agreed),
        format_html("The visit {}.{}", became, told([appointment], desk)),
    )
    return page


def _check_is_theirs(place: Appointment) -> None:
    """Raise Refused where a place is only on hold for a family's answer.

    Booked by itself, it would be a second visit beside the one that moves, or beside the request.
    """
    if fitting.holding([place]):
        raise Refused(
            "offered", "This place is offered from the waiting list: answer there for the family."
        )
    if proposed.holding([place]):
        raise Refused(
            "proposed",
            "This place is on hold for a time that is proposed: give the request its time.",
        )
