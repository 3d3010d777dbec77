"""REST endpoints for appointments (contract, section 4), for partners granted the practice.

A partner can read and change only appointments that it made; any other is a 404.
"""

from typing import Any, cast

from django.http.response import HttpResponse, HttpResponseBase
from django.urls import reverse
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from bookings import walltime
from bookings.api import schema
from bookings.api.filters import AppointmentFilterSet
from bookings.api.lists import PracticeListViewSet
from bookings.api.serializers import (
    OF_BOOKING,
    AppointmentCreateSerializer,
    AppointmentEditSerializer,
    AppointmentSerializer,
)
from bookings.models import Appointment, AppointmentStatus, Booking
from bookings.patients.record import PARTNER_FIELDS
from bookings.scheduling import appointments, moves, moving
from bookings.scheduling.actors import Actor
from openchair.api import conditional
from openchair.api.fields import StrictSerializer
from openchair.api.idempotency import idempotent
from openchair.api.renderers import json_response, text_response
from openchair.api.views import ApiViewSet
from openchair.database.compiled import BoundQuery, CompiledQuery
from openchair.json_text import encode
from practices.api.permissions import SpecialAuthorizationToWrite, require_grant

_PLACES = (
    Appointment.objects.filter(booking__practice__active=True)
    .select_related("booking__location", "booking__practice")
    .order_by("created_at", "id")
)


_BY_ID = CompiledQuery(lambda appointment_id: _PLACES.filter(pk=appointment_id), appointment_id=str)
_OPENING: CompiledQuery[Any] = CompiledQuery(
    lambda booking_id: Booking.objects.filter(pk=booking_id, practice__active=True).values_list(
        "practice_id", "location_id", "doctor_id", named=True
    ),
    booking_id=str,
)


def _as_dict(appointment: Appointment) -> dict[str, Any]:
    """Return the JSON fields of an appointment, read with its booking, location and practice."""
    booking = appointment.booking
    zone = booking.location.zone
    start, until, person = appointment.exact_time, appointment.pending_until, appointment.person
    return {
        "id": appointment.pk,
        "booking_id": booking.pk,
        "status": appointment.status,
        "start_datetime": None if start is None else walltime.iso(start, zone),
        "location_id": booking.location_id,
        "doctor_id": booking.doctor_id,
        **{name: getattr(person, name) for name in PARTNER_FIELDS},
        "attendance": appointment.attendance,
        "pending_until": None if until is None else walltime.iso(until, zone),
        "updated_at": walltime.iso(appointment.updated_at, zone),
        "created_at": walltime.iso(appointment.created_at, zone),
    }


def _tag(appointment: Appointment) -> str:
    """Return the ETag of an appointment, read with its booking, location and practice."""
    booking, person = appointment.booking, appointment.person
    return conditional.strong_tag(
        appointment.pk,
        booking.pk,
        appointment.status,
        appointment.exact_time,
        booking.location_id,
        booking.doctor_id,
        *(getattr(person, name) for name in PARTNER_FIELDS),
        appointment.attendance,
        appointment.pending_until,
        appointment.updated_at,
        booking.location.timezone,
    )


def _text(appointment: Appointment) -> str:
    return encode(_as_dict(appointment))


def _shown(appointment: Appointment, **kwargs: Any) -> HttpResponse:
    return text_response(_text(appointment), headers={"ETag": _tag(appointment)}, **kwargs)


def _is_cancelled(appointment: Appointment) -> bool:
    return appointment.status == AppointmentStatus.CANCELLED


class AppointmentListViewSet(PracticeListViewSet):
    """A partner's appointments in a practice, in the order in which they were made."""

    queryset = _PLACES
    serializer_class = AppointmentSerializer
    filterset_class = AppointmentFilterSet

    @schema.appointments_of_practice
    def of_practice(self, request: Request, practice_id: str) -> HttpResponseBase:
        practice = self.standing()
        require_grant(self.caller, practice_id)
        self.zone = practice.zone
        ours = self.get_queryset().filter(
            booking__practice_id=practice_id, partner_id=self.caller.partner_id
        )
        rows = self.filter_queryset(ours)
        tag = practice.tag(self.caller.partner_id)
        return self.answer(practice, rows, "created_at", _text, tag)


class AppointmentViewSet(ApiViewSet):
    """One appointment."""

    queryset = _PLACES
    serializer_class = AppointmentSerializer
    permission_classes = [SpecialAuthorizationToWrite]

    def get_first_query(self, **kwargs: str) -> BoundQuery[Any]:
        return (_OPENING if "booking_id" in kwargs else _BY_ID).bind(**kwargs)

    @schema.take_place
    def create(self, request: Request, booking_id: str) -> HttpResponseBase:
        found = self.first_query.rows()
        if not found:
            raise NotFound(f"There is no booking {booking_id}.")
        # Before a stored answer is repeated: it has a patient's data, and the grant may be gone.
        require_grant(self.caller, found[0].practice_id)
        return self._take(request, {"booking_id": booking_id, **found[0]._asdict()})

    @idempotent
    def _take(self, request: Request, of_booking: dict[str, str]) -> HttpResponseBase:
        for name in ("booking_id", "location_id", "doctor_id"):
            self._check_fixed(name, of_booking[name])
        appointment = appointments.take(
            booking_id=of_booking["booking_id"],
            fields=self._read(AppointmentCreateSerializer),
            by=Actor.of_caller(self.caller),
            now=walltime.now(),
        )
        response = _shown(appointment, status=status.HTTP_201_CREATED)
        response["Location"] = reverse("appointment", args=[appointment.pk])
        return response

    @schema.get_appointment
    def retrieve(self, request: Request, appointment_id: str) -> HttpResponseBase:
        now = walltime.now()
        appointment = self._own(appointment_id)
        if appointment.pending_until is not None and appointment.pending_until <= now:
            moves.lapse(appointment.booking_id, now=now)
            self.first_query.fetch()
            appointment = self._own(appointment_id)
        tag = _tag(appointment)
        return conditional.not_modified(request, tag) or _shown(appointment)

    @schema.edit_appointment
    def edit(self, request: Request, appointment_id: str) -> HttpResponseBase:
        booking = self._own(appointment_id).booking
        fields: Any = self._read(AppointmentEditSerializer)
        where: Any = booking
        if fields.get("booking_id", booking.pk) != booking.pk:
            where = _OPENING.first(booking_id=fields["booking_id"])
        self._check_fixed("id", appointment_id)
        # Another practice's opening is refused by `move`, like one that is not there.
        if where is not None and where.practice_id == booking.practice_id:
            for name in OF_BOOKING:
                self._check_fixed(name, getattr(where, name))
        at: Any = {
            "by": Actor.of_caller(self.caller),
            "now": walltime.now(),
            "check": conditional.precondition(request, _tag),
        }
        # Whichever it says: the office may have moved it since the client read it.
        if "booking_id" in fields:
            (edited,) = moving.move(to={appointment_id: fields}, **at)
        else:
            edited = appointments.edit(appointment_id=appointment_id, fields=fields, **at)
        return _shown(edited)

    @schema.cancel_appointment
    def destroy(self, request: Request, appointment_id: str) -> HttpResponseBase:
        self._own(appointment_id)
        appointment = appointments.cancel(
            appointment_id=appointment_id,
            by=Actor.of_caller(self.caller),
            now=walltime.now(),
            check=conditional.precondition(request, _tag, is_done=_is_cancelled),
        )
        return json_response({"id": appointment.pk, "status": appointment.status})

    def _check_fixed(self, name: str, value: str) -> None:
        if self.body.get(name, value) != value:
            raise serializers.ValidationError(
                {name: f"This does not change: leave it out, or send {value}."}
            )

    def _own(self, appointment_id: str) -> Appointment:
        """Return an appointment of this partner. Raises NotFound or PermissionDenied."""
        found: list[Appointment] = self.first_query.rows()
        if not found or found[0].partner_id != self.caller.partner_id:
            raise NotFound(f"There is no appointment {appointment_id} of yours.")
        require_grant(self.caller, found[0].booking.practice_id)
        return found[0]

    def _read(self, kind: type[StrictSerializer]) -> appointments.Fields:
        return cast("appointments.Fields", kind.read(self.body))
