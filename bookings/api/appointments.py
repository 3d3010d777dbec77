"""REST endpoints for appointments (contract, section 4), for partners granted the practice.

A partner changes only appointments that it made; any other is a 404. It also reads those of which
it is the source, without the patients' data. A practice's own system reads all of them, and reports
what it entered (section 9): readers.py.
"""

from collections.abc import Iterable, Mapping
from typing import Any, cast

from django.db.models import Q
from django.http.response import HttpResponse, HttpResponseBase
from django.urls import reverse
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from bookings import walltime
from bookings.api import appointment_schema as schema
from bookings.api import readers
from bookings.api.appointment_serializers import (
    OF_BOOKING,
    AppointmentCreateSerializer,
    AppointmentEditSerializer,
    AppointmentSerializer,
    FamilySerializer,
)
from bookings.api.filters import AppointmentFilterSet
from bookings.api.lists import PracticeListViewSet
from bookings.api.readers import Reader
from bookings.models import Appointment, AppointmentStatus, Booking, Language
from bookings.patients import access
from bookings.patients.record import PARTNER_FIELDS
from bookings.scheduling import appointments, bookings, external, families, moving
from bookings.scheduling.actors import Actor
from openchair.api import conditional
from openchair.api.fields import StrictSerializer
from openchair.api.idempotency import idempotent
from openchair.api.renderers import json_response, text_response
from openchair.api.views import ApiViewSet
from openchair.database.compiled import BoundQuery, CompiledQuery
from openchair.json_text import encode
from practices.api.permissions import SpecialAuthorizationToWrite, require_grant
from practices.ids import is_id

_PLACES = (
    Appointment.objects.filter(booking__practice__active=True)
    .select_related("booking__location", "booking__practice")
    .order_by("created_at", "id")
)


_BY_ID = CompiledQuery(lambda appointment_id: _PLACES.filter(pk=appointment_id), appointment_id=str)
_OPENINGS = Booking.objects.filter(practice__active=True)
_WHERE = ("practice_id", "location_id", "doctor_id")
_OPENING: CompiledQuery[Any] = CompiledQuery(
    lambda booking_id: _OPENINGS.filter(pk=booking_id).values_list(*_WHERE, named=True),
    booking_id=str,
)


def _as_dict(appointment: Appointment, reader: Reader) -> dict[str, Any]:
    """Return the JSON fields of an appointment, read with its booking, location and practice."""
    booking, person = appointment.booking, reader.person(appointment)
    zone = booking.location.zone
    start, until, said = (
        None if each is None else walltime.iso(each, zone)
        for each in (
            appointment.exact_time,
            appointment.pending_until,
            appointment.confirmed_at,
        )
    )
    return {
        "id": appointment.pk,
        "booking_id": booking.pk,
        "status": appointment.status,
        "start_datetime": start,
        "location_id": booking.location_id,
        "doctor_id": booking.doctor_id,
        **{name: getattr(person, name) for name in PARTNER_FIELDS},
        "attendance": appointment.attendance,
        "group_id": appointment.group_id,
        "language": appointment.language or Language.EN,
        "source": appointment.source,
        "attribution": appointment.attribution,
        "confirmed_at": said,
        **reader.external(appointment),
        "pending_until": until,
        "updated_at": walltime.iso(appointment.updated_at, zone),
        "created_at": walltime.iso(appointment.created_at, zone),
    }


def _tag(appointment: Appointment, reader: Reader) -> str:
    """Return the ETag of what a partner reads of an appointment, as for `_as_dict`."""
    booking, person = appointment.booking, reader.person(appointment)
    return conditional.strong_tag(
        appointment.pk,
        booking.pk,
        appointment.status,
        appointment.exact_time,
        booking.location_id,
        booking.doctor_id,
        *(getattr(person, name) for name in PARTNER_FIELDS),
        appointment.attendance,
        appointment.language,
        appointment.confirmed_at,
        *reader.external(appointment).values(),
        appointment.pending_until,
        appointment.updated_at,
        booking.location.timezone,
    )


def _is_cancelled(appointment: Appointment) -> bool:
    return appointment.status == AppointmentStatus.CANCELLED


class AppointmentListViewSet(PracticeListViewSet):
    """A partner's appointments in a practice, and those it is the source of, as they were made.

    All of them for the practice's own system.
    """

    queryset = _PLACES
    serializer_class = AppointmentSerializer
    filterset_class = AppointmentFilterSet

    @schema.appointments_of_practice
    def of_practice(self, request: Request, practice_id: str) -> HttpResponseBase:
        practice = self.standing()
        require_grant(self.caller, practice_id)
        self.zone = practice.zone
        partner_id = self.caller.partner_id
        reader = Reader(partner_id, is_system=self.caller.is_system_of(practice_id))
        rows = self.get_queryset().filter(booking__practice_id=practice_id)
        if not reader.is_system:
            rows = rows.filter(Q(partner_id=partner_id) | Q(source=partner_id))
        return self.answer(
            practice,
            self.filter_queryset(rows),
            "created_at",
            lambda row: encode(_as_dict(row, reader)),
            practice.tag(reader.partner_id, reader.is_system),
        )


class AppointmentViewSet(ApiViewSet):
    """One appointment."""

    queryset = _PLACES
    serializer_class = AppointmentSerializer
    permission_classes = [SpecialAuthorizationToWrite]

    reader: Reader
    """Set once the appointment is known."""

    def get_first_query(self, **kwargs: str) -> BoundQuery[Any]:
        return (_OPENING if "booking_id" in kwargs else _BY_ID).bind(**kwargs)

    @schema.take_place
    def create(self, request: Request, booking_id: str) -> HttpResponseBase:
        found = self.first_query.rows()
        if not found:
            raise NotFound(f"There is no booking {booking_id}.")
        # Before a stored answer is repeated: it has a patient's data, and the grant may be gone.
        require_grant(self.caller, found[0].practice_id)
        return self._take(request, {"booking_id": booking_id, **_fixed_by(found[0])})

    @idempotent
    def _take(self, request: Request, of_booking: dict[str, str]) -> HttpResponseBase:
        self._check_fixed(of_booking)
        appointment = appointments.take(
            booking_id=of_booking["booking_id"],
            fields=self._read(AppointmentCreateSerializer),
            by=Actor.of_caller(self.caller),
            now=walltime.now(),
        )
        self.reader = Reader(self.caller.partner_id)
        response = self._shown(appointment, status=status.HTTP_201_CREATED)
        response["Location"] = reverse("appointment", args=[appointment.pk])
        return response

    @schema.take_places
    def create_family(self, request: Request) -> HttpResponseBase:
        openings = self._openings()
        for practice_id in sorted({each.practice_id for each in openings.values()}):
            require_grant(self.caller, practice_id)  # before a stored answer, as above
        return self._take_family(request, openings)

    @idempotent
    def _take_family(self, request: Request, openings: dict[str, Any]) -> HttpResponseBase:
        wanted = FamilySerializer.read(self.body)["appointments"]
        errors = _misplaced(wanted, self.body["appointments"], openings)
        if errors:
            raise serializers.ValidationError(errors)
        taken = families.take(wanted=wanted, by=Actor.of_caller(self.caller), now=walltime.now())
        reader = Reader(self.caller.partner_id)
        made = [_as_dict(each, reader) for each in taken]
        # Several were made: none is the Location, and each has its own ETag.
        return json_response(made, status=status.HTTP_201_CREATED)

    def _openings(self) -> dict[str, Any]:
        """Return where the openings are that a family's body names, by their ids."""
        sent = self.body.get("appointments")
        rows = [each for each in sent if isinstance(each, dict)] if isinstance(sent, list) else []
        ids = {
            each["booking_id"] for each in rows[: families.MOST] if is_id(each.get("booking_id"))
        }
        found = _OPENINGS.filter(pk__in=ids).values_list("pk", *_WHERE, named=True)
        return {each.pk: each for each in found}

    @schema.get_appointment
    def retrieve(self, request: Request, appointment_id: str) -> HttpResponseBase:
        now = walltime.now()
        appointment = self._readable(appointment_id)
        if appointment.pending_until is not None and appointment.pending_until <= now:
            bookings.catch_up(practice_id=appointment.booking.practice_id, now=now)
            self.first_query.fetch()
            appointment = self._readable(appointment_id)
        tag = self._tag(appointment)
        return conditional.not_modified(request, tag) or self._shown(appointment)

    @schema.edit_appointment
    def edit(self, request: Request, appointment_id: str) -> HttpResponseBase:
        found = self._changeable(appointment_id)
        booking, fields = found.booking, self._may_say(found)
        where: Any = booking
        if fields.get("booking_id", booking.pk) != booking.pk:
            where = _OPENING.first(booking_id=fields["booking_id"])
        self._check_fixed({"id": appointment_id})
        # Another practice's opening is refused by `move`, like one that is not there.
        if where is not None and where.practice_id == booking.practice_id:
            self._check_fixed(_fixed_by(where))
        now = walltime.now()
        at: Any = {
            "by": Actor.of_caller(self.caller),
            "now": now,
            "check": conditional.precondition(request, self._tag),
        }
        # Whichever it says: the office may have moved it since the client read it.
        if "booking_id" in fields:
            (edited,) = moving.move(to={appointment_id: fields}, **at)
        else:
            edited = appointments.edit(appointment_id=appointment_id, fields=fields, **at)
        if edited.updated_at < now:  # without a change there is no event that tells who read it
            access.record(request, [appointment_id], at["by"], now)
        return self._shown(edited)

    @schema.cancel_appointment
    def destroy(self, request: Request, appointment_id: str) -> HttpResponseBase:
        readers.check_made(self.caller, self._changeable(appointment_id))
        appointment = appointments.cancel(
            appointment_id=appointment_id,
            by=Actor.of_caller(self.caller),
            now=walltime.now(),
            check=conditional.precondition(request, self._tag, is_done=_is_cancelled),
        )
        return json_response({"id": appointment.pk, "status": appointment.status})

    def _check_fixed(self, of: Mapping[str, str]) -> None:
        errors = _differing(self.body, of)
        if errors:
            raise serializers.ValidationError(errors)

    def _may_say(self, found: Appointment) -> Any:
        """Read the body's fields that this partner may change. Raises PermissionDenied.

        What was read can be sent back: of others' appointments that is left out, and changes
        nothing, not even a hold.
        """
        fields: dict[str, Any] = {**self._read(AppointmentEditSerializer)}
        is_made = found.partner_id == self.caller.partner_id
        if is_made and fields.keys().isdisjoint(external.FIELDS):
            return fields
        shown = _as_dict(found, self.reader)
        changed = {name for name in fields if self.body[name] != shown[name]}
        readers.check_may_say(self.caller, found, changed)
        return fields if is_made else {name: fields[name] for name in changed}

    def _changeable(self, appointment_id: str) -> Appointment:
        """Return an appointment of this partner, or of the practice that it is the system of.

        Raises NotFound or PermissionDenied.
        """
        found = self._readable(appointment_id)
        if found.partner_id != self.caller.partner_id and not self.reader.is_system:
            raise _not_yours(appointment_id)
        return found

    def _readable(self, appointment_id: str) -> Appointment:
        """Return an appointment that this partner may read, as `_changeable`."""
        found: list[Appointment] = self.first_query.rows()
        reader = readers.reader_of(self.caller, found[0]) if found else None
        if reader is None:
            raise _not_yours(appointment_id)
        self.reader = reader
        return found[0]

    def _tag(self, appointment: Appointment) -> str:
        return _tag(appointment, self.reader)

    def _shown(self, appointment: Appointment, **kwargs: Any) -> HttpResponse:
        text = encode(_as_dict(appointment, self.reader))
        return text_response(text, headers={"ETag": self._tag(appointment)}, **kwargs)

    def _read(self, kind: type[StrictSerializer]) -> appointments.Fields:
        return cast("appointments.Fields", kind.read(self.body))


def _not_yours(appointment_id: str) -> NotFound:
    return NotFound(f"There is no appointment {appointment_id} of yours.")


def _fixed_by(opening: Any) -> dict[str, str]:
    """Return the fields of an appointment that its opening has."""
    return {name: getattr(opening, name) for name in OF_BOOKING}


def _differing(sent: Mapping[str, Any], of: Mapping[str, str]) -> dict[str, str]:
    """Return an error for each field that was sent, and is another than it has to be."""
    return {
        name: f"This does not change: leave it out, or send {value}."
        for name, value in of.items()
        if sent.get(name, value) != value
    }


def _misplaced(
    wanted: Iterable[families.Wanted], sent: list[dict[str, Any]], openings: Mapping[str, Any]
) -> dict[str, str]:
    """Return errors by field: no such opening, or none of the first one's practice."""
    found = [openings.get(each["booking_id"]) for each in wanted]
    practices = [each.practice_id for each in found if each is not None]
    errors: dict[str, str] = {}
    for nth, (opening, said) in enumerate(zip(found, sent, strict=True)):
        if opening is None:
            wrong = {"booking_id": f"There is no booking {said['booking_id']}."}
        elif opening.practice_id != practices[0]:
            wrong = {"booking_id": "A family's places are all of one practice."}
        else:
            wrong = _differing(said, _fixed_by(opening))
        errors |= {f"appointments.{nth}.{name}": text for name, text in wrong.items()}
    return errors
