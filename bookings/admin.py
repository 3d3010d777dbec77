"""Openings, patients' places, series and history as plain lists; the work is done at the desk."""

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect

from bookings import walltime
from bookings.desk import export, labels, times
from bookings.models import Access, Appointment, Booking, Event, Series
from bookings.patients.record import Patient, by_email, by_phone
from bookings.scheduling import bookings
from practices.models import Location
from practices.scoping import ScopedAdmin, practices_of

NEWEST_BY_NAME = 2000
"""How many patients a search by name looks at: names are sealed, so each is unsealed and read."""


def _is_named(person: Patient, term: str) -> bool:
    """Say whether every word is in a patient's name, or the guardian's."""
    names = f"{person.first_name} {person.last_name} {person.guardian_name}".casefold()
    return all(word in names for word in term.casefold().split())


def named_moment(instant: datetime, location: Location) -> str:
    """Write an instant on an office's clock, with the clock's name: lists hold several offices."""
    zone = location.zone
    return f"{labels.moment_at(instant, zone)}, {labels.zone_name(zone, instant)}"


class ReadOnlyAdmin(ScopedAdmin):
    """Shows rows and changes none: that is for the verbs in bookings/scheduling/ alone."""

    practice_path = "practice"
    operators_may = frozenset({"view"})


class CaughtUpAdmin(ReadOnlyAdmin):
    """A list that is read after lapsed holds have been seen expired."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Catch up with the clock, then list."""
        now = walltime.now()
        for practice in practices_of(request.user):
            bookings.catch_up(practice_id=practice.pk, now=now)
        listed: HttpResponse = super().changelist_view(request, extra_context)
        return listed


@admin.register(Booking)
class BookingAdmin(CaughtUpAdmin):
    """All openings; each leads to its page at the desk."""

    list_display = ["id", "starts", "length", "location", "doctor", "in_words", "taken"]
    list_select_related = ["location", "doctor", "practice"]
    list_filter = ["status", "location", "doctor", "recurring"]
    search_fields = ["id", "doctor__name", "location__name"]
    date_hierarchy = "start_datetime"
    ordering = ["-start_datetime", "id"]
    actions = ["as_csv"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Booking]:
        """Read along who comes at an exact time."""
        rows: QuerySet[Booking] = super().get_queryset(request)
        return rows.prefetch_related(times.WITH_TIMED)

    @admin.display(description="Starts (office time)", ordering="start_datetime", empty_value="–")
    def starts(self, booking: Booking) -> str:
        """Say when, on the office's clock."""
        return times.when(booking, booking.timed)  # type: ignore[attr-defined]  # see get_queryset

    @admin.display(description="Status", ordering="status")
    def in_words(self, booking: Booking) -> str:
        """Say the status as the board does."""
        return labels.STATUS[booking.status]

    @admin.display(description="Taken")
    def taken(self, booking: Booking) -> str:
        """Say how many places are taken."""
        return labels.taken(booking)

    @admin.action(description="Export the chosen openings as CSV")
    def as_csv(self, request: HttpRequest, queryset: QuerySet[Booking]) -> HttpResponse:
        """Give the chosen rows as a spreadsheet reads them."""
        return export.openings_csv(queryset)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Lead to the opening's page at the desk."""
        booking = self.get_object(request, object_id)
        if booking is None or not self.has_view_permission(request, booking):
            raise Http404
        return redirect("admin:desk_opening", booking.practice_id, booking.pk)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Lead to the opening's page at the desk, whose history is its events."""
        return self.change_view(request, object_id)


@admin.register(Appointment)
class AppointmentAdmin(CaughtUpAdmin):
    """Patients' places; each leads to its opening's page at the desk."""

    practice_path = "booking__practice"
    list_display = ["id", "named", "phone", "in_words", "when", "where", "made"]
    list_select_related = ["booking__location", "booking__practice"]
    list_filter = ["status"]
    search_fields = ["id"]
    search_help_text = (
        "A whole e-mail address or phone number; a part of a name, among the "
        f"{NEWEST_BY_NAME} places made last; or a part of the id."
    )
    ordering = ["-created_at", "id"]
    exclude = ["partner"]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Find patients among the rows that are there for this person; nothing else is asked."""
        term = search_term.strip()
        if not term or "\x00" in term:
            return queryset.none() if term else queryset, False
        found = Q(pk__icontains=term)
        found |= Q(email_digest__in=by_email(term)) | Q(phone_digest__in=by_phone(term))
        newest = queryset.order_by("-created_at")[:NEWEST_BY_NAME]
        named = [place.pk for place in newest if _is_named(place.unread_person, term)]
        return queryset.filter(found | Q(pk__in=named)), False

    @admin.display(description="Patient")
    def named(self, place: Appointment) -> str:
        """Name who has the place."""
        return labels.patient(place)

    @admin.display(description="Phone")
    def phone(self, place: Appointment) -> str:
        """Say where to call."""
        return place.person.phone

    @admin.display(description="Status", ordering="status")
    def in_words(self, place: Appointment) -> str:
        """Say the status as the board does."""
        return labels.PLACE[place.status]

    @admin.display(description="When (office time)", empty_value="–")
    def when(self, place: Appointment) -> str:
        """Say the exact time, or the part of the day where there is none yet."""
        return str(times.of_patient(place) or "no time yet")

    @admin.display(description="Location")
    def where(self, place: Appointment) -> str:
        """Name the office."""
        return place.booking.location.name

    @admin.display(description="Made (office time)", ordering="created_at")
    def made(self, place: Appointment) -> str:
        """Say when the place was taken, on the office's clock."""
        return named_moment(place.created_at, place.booking.location)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """Lead to the opening's page at the desk."""
        place = self.get_object(request, object_id)
        if place is None or not self.has_view_permission(request, place):
            raise Http404
        return redirect("admin:desk_opening", place.booking.practice_id, place.booking_id)

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        """Lead to the opening's page at the desk, whose history is its events."""
        return self.change_view(request, object_id)


@admin.register(Series)
class SeriesAdmin(ReadOnlyAdmin):
    """Weekly openings; they are ended by editing one of their openings."""

    list_display = ["__str__", "location", "doctor", "next_date", "ended"]
    list_select_related = ["location", "doctor"]
    list_filter = ["ended", "location", "doctor"]
    exclude = ["partner"]


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    """What happened, newest first; nobody edits it."""

    list_display = ["happened", "booking", "appointment", "who", "from_status", "to_status"]
    list_select_related = ["booking__location", "appointment", "api_key__partner", "user"]
    list_filter = ["actor"]
    search_fields = ["booking__id", "appointment__id"]
    ordering = ["-id"]
    exclude = ["api_key", "user"]
    readonly_fields = ["who"]

    @admin.display(description="When (office time)", ordering="at")
    def happened(self, event: Event) -> str:
        """Say when, on the office's clock."""
        return named_moment(event.at, event.booking.location)

    @admin.display(description="By")
    def who(self, event: Event) -> str:
        """Name who did it."""
        return labels.who(event)


@admin.register(Access)
class AccessAdmin(ScopedAdmin):
    """Who was shown what is known of patients; for operators, who read it and change nothing."""

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
        """Name who was shown it."""
        return labels.who(access)

    @admin.display(description="Places")
    def places(self, access: Access) -> int:
        """Count the places."""
        return len(access.appointments)
