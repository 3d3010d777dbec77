"""Read-only Django admin of bookings, appointments, series, events and accesses.

Changes are made in the pages of bookings.desk, to which the lists link.
"""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from bookings import admin_tasks as admin_tasks  # which registers its model
from bookings import walltime
from bookings.desk import csv_export, labels, times
from bookings.models import Access, Appointment, Booking, Event, Series
from bookings.patients.search import search
from bookings.scheduling import bookings
from practices.models import Location
from practices.scoping import ScopedAdmin, practices_of


def named_moment(instant: datetime, location: Location) -> str:
    """Format an instant as wall time at a location, with the zone's name.

    A list can have locations in several zones.
    """
    zone = location.zone
    return f"{labels.dated(instant, zone)}, {labels.zone_name(zone, instant)}"


class ReadOnlyAdmin(ScopedAdmin):
    """Read-only admin: rows are changed by the functions in bookings.scheduling alone."""

    practice_path = "practice"
    operators_may = frozenset({"view"})


class CaughtUpAdmin(ReadOnlyAdmin):
    """Admin list that expires lapsed holds, and the like, before it is read."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        now = walltime.now()
        for practice in practices_of(request.user):
            bookings.catch_up(practice_id=practice.pk, now=now)
        listed: HttpResponse = super().changelist_view(request, extra_context)
        return listed


@admin.register(Booking)
class BookingAdmin(CaughtUpAdmin):
    """List of bookings; each row links to its page in the desk."""

    list_display = ["id", "starts", "length", "location", "doctor", "in_words", "taken"]
    list_select_related = ["location", "doctor", "practice"]
    list_filter = ["status", "location", "doctor", "recurring"]
    search_fields = ["id", "doctor__name", "location__name"]
    date_hierarchy = "start_datetime"
    ordering = ["-start_datetime", "id"]
    actions = ["as_csv"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Booking]:
        rows: QuerySet[Booking] = super().get_queryset(request)
        return rows.prefetch_related(times.WITH_TIMED)

    @admin.display(description="Starts (office time)", ordering="start_datetime", empty_value="–")
    def starts(self, booking: Booking) -> str:
        return times.when(booking, booking.timed)  # type: ignore[attr-defined]  # see get_queryset

    @admin.display(description="Status", ordering="status")
    def in_words(self, booking: Booking) -> str:
        return labels.STATUS[booking.status]

    @admin.display(description="Taken")
    def taken(self, booking: Booking) -> str:
        return labels.taken(booking)

    @admin.action(description="Export the chosen openings as CSV")
    def as_csv(self, request: HttpRequest, queryset: QuerySet[Booking]) -> HttpResponse:
        return csv_export.bookings_csv(queryset)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        booking = self.get_object(request, object_id)
        if booking is None or not self.has_view_permission(request, booking):
            raise Http404
        return redirect("admin:desk_booking", booking.practice_id, booking.pk)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        return self.change_view(request, object_id)


@admin.register(Appointment)
class AppointmentAdmin(CaughtUpAdmin):
    """List of appointments; each row links to its booking's page in the desk."""

    practice_path = "booking__practice"
    list_display = ["id", "named", "phone", "in_words", "when", "where", "made"]
    list_select_related = ["booking__location", "booking__practice"]
    list_filter = ["status"]
    search_fields = ["id"]
    search_help_text = (
        "Words of a name, four or more last digits of the phone, a whole e-mail address, or an id."
    )
    ordering = ["-created_at", "id"]
    exclude = ["partner"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        if not search_term.strip():
            return queryset, False
        now = walltime.now()
        found = [search(each.pk, search_term, now=now) for each in practices_of(request.user)]
        ids = [visit.pk for each in found for visit in each.visits]
        return queryset.filter(pk__in=ids), False

    @admin.display(description="Patient")
    def named(self, appointment: Appointment) -> str:
        return labels.patient(appointment)

    @admin.display(description="Phone")
    def phone(self, appointment: Appointment) -> str:
        return appointment.person.phone

    @admin.display(description="Status", ordering="status")
    def in_words(self, appointment: Appointment) -> str:
        return labels.APPOINTMENT_STATUS[appointment.status]

    @admin.display(description="When (office time)", empty_value="–")
    def when(self, appointment: Appointment) -> str:
        """Return the exact time, or the part of the day where there is none yet."""
        return str(times.of_appointment(appointment) or "no time yet")

    @admin.display(description="Location")
    def where(self, appointment: Appointment) -> str:
        return appointment.booking.location.name

    @admin.display(description="Made (office time)", ordering="created_at")
    def made(self, appointment: Appointment) -> str:
        return named_moment(appointment.created_at, appointment.booking.location)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        appointment = self.get_object(request, object_id)
        if appointment is None or not self.has_view_permission(request, appointment):
            raise Http404
        return redirect(
            "admin:desk_booking", appointment.booking.practice_id, appointment.booking_id
        )

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        return self.change_view(request, object_id)


@admin.register(Series)
class SeriesAdmin(ReadOnlyAdmin):
    """List of weekly series; a series is ended by editing one of its bookings."""

    list_display = ["__str__", "location", "doctor", "next_date", "ended"]
    list_select_related = ["location", "doctor"]
    list_filter = ["ended", "location", "doctor"]
    exclude = ["partner"]


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """Read-only list of events, newest first."""

    list_display = ["happened", "booking", "appointment", "who", "from_status", "to_status"]
    list_select_related = ["booking__location", "appointment", "api_key__partner", "user"]
    list_filter = ["actor"]
    search_fields = ["booking__id", "appointment__id"]
    ordering = ["-id"]
    exclude = ["api_key", "user"]
    readonly_fields = ["who"]

    @admin.display(description="When (office time)", ordering="at")
    def happened(self, event: Event) -> str:
        return named_moment(event.at, event.booking.location)

    @admin.display(description="By")
    def who(self, event: Event) -> str:
        return labels.who(event)


@admin.register(Access)
class AccessAdmin(ScopedAdmin):
    """Read-only access log of patients' data, for operators."""

    operators_may = frozenset({"view"})
    list_display = ["at", "practice", "who", "method", "route", "places"]
    list_select_related = ["practice", "api_key__partner", "user"]
    list_filter = ["actor", "practice"]
    search_fields = ["appointments"]
    search_help_text = "A part of an appointment's id."
    ordering = ["-id"]
    exclude = ["api_key", "user"]
    readonly_fields = ["who"]

    @admin.display(description="By")
    def who(self, access: Access) -> str:
        return labels.who(access)

    @admin.display(description="Places")
    def places(self, access: Access) -> int:
        return len(access.appointments)
