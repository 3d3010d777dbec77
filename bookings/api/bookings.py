"""REST endpoints for bookings (contract, section 2), thin adapters of bookings.scheduling."""

from typing import Any, cast

from django.db.models import Exists, OuterRef
from django.http.response import HttpResponse, HttpResponseBase
from django.urls import reverse
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound, PermissionDenied
from rest_framework.request import Request

from bookings import representation, walltime
from bookings.api import schema
from bookings.api.filters import BookingFilterSet
from bookings.api.lists import LISTED, PracticeListViewSet, whole_list
from bookings.api.serializers import (
    BookingCreateSerializer,
    BookingEditByBodySerializer,
    BookingEditSerializer,
    BookingSerializer,
)
from bookings.models import Booking, Status
from bookings.scheduling import bookings
from bookings.scheduling.actors import Actor
from bookings.scheduling.waitlist import settling
from openchair.api import conditional, pagination
from openchair.api.idempotency import idempotent
from openchair.api.renderers import json_response, text_response
from openchair.api.views import ApiViewSet
from openchair.database.compiled import BoundQuery, CompiledQuery
from practices.api.permissions import SpecialAuthorizationToWrite, require_grant
from practices.ids import is_id


def _shown(text: str, **kwargs: Any) -> HttpResponse:
    return text_response(text, headers={"ETag": conditional.text_tag(text)}, **kwargs)


def _tag(booking: Booking) -> str:
    return conditional.text_tag(representation.of_booking(booking))


def _no_such(booking_id: str) -> NotFound:
    return NotFound(f"There is no booking {booking_id}.")


def _is_closed(booking: Booking) -> bool:
    return booking.status == Status.CLOSED


class BookingListViewSet(PracticeListViewSet):
    """Lists of bookings, in order of start_datetime then id, those without a time last."""

    queryset = LISTED
    serializer_class = BookingSerializer
    filterset_class = BookingFilterSet

    @schema.bookings_of_practice
    def of_practice(self, request: Request, practice_id: str) -> HttpResponseBase:
        return self._bookings("practice_id", practice_id)

    @schema.bookings_of_location
    def of_location(self, request: Request, location_id: str) -> HttpResponseBase:
        return self._bookings("location_id", location_id)

    def _bookings(self, column: str, value: str) -> HttpResponseBase:
        practice = self.standing()
        self.zone, tag = practice.zone, practice.tag()
        if pagination.is_asked_for(self.request):
            rows = self.filter_queryset(self.get_queryset().filter(**{column: value}))
            rows = rows.values_list(*representation.ROW, named=True)
            return self.answer(practice, rows, "start_datetime", representation.of_row, tag)
        whole = whole_list(column, self.request.META["QUERY_STRING"], practice.zone)
        same = conditional.not_modified(self.request, tag)
        if same is not None:
            return same
        text = whole.json(value, practice.zones)
        return text_response(text, headers={"ETag": tag})


_KNOWN = Booking.objects.filter(practice__active=True)
_MORE = ("pending_until", "practice_id", "partner_id", "offers_due")
# Few columns: 14 more would take 0.05 of a GET (PostgreSQL).
_BY_ID: CompiledQuery[Any] = CompiledQuery(
    lambda booking_id: (
        _KNOWN.filter(pk=booking_id)
        .annotate(offers_due=Exists(settling.due(OuterRef("practice_id"))))
        .values_list(*representation.STORED, *_MORE, named=True)
    ),
    booking_id=str,
)
_ROW_BY_ID: CompiledQuery[Any] = CompiledQuery(
    lambda booking_id: _KNOWN.filter(pk=booking_id).values_list(*representation.ROW, named=True),
    booking_id=str,
)


class BookingViewSet(ApiViewSet):
    """One booking."""

    queryset = _KNOWN
    serializer_class = BookingSerializer
    permission_classes = [SpecialAuthorizationToWrite]

    def get_first_query(self, **kwargs: str) -> BoundQuery[Any]:
        return _BY_ID.bind(**kwargs)

    @schema.get_booking
    def retrieve(self, request: Request, booking_id: str) -> HttpResponseBase:
        now = walltime.now()
        booking = self._booking(booking_id)
        has_lapsed = booking.pending_until is not None and booking.pending_until <= now
        if has_lapsed or booking.offers_due:
            bookings.catch_up(practice_id=booking.practice_id, now=now)
            self.first_query.fetch()
            booking = self._booking(booking_id)
        if representation.is_current(booking):
            return conditional.answer_text(request, booking.shown)
        row = _ROW_BY_ID.first(booking_id=booking_id)
        if row is None:  # its practice was deactivated this moment
            raise _no_such(booking_id)
        return conditional.answer_text(request, representation.of_row(row))

    @schema.create_booking
    def create(self, request: Request) -> HttpResponseBase:
        # Before a stored answer is repeated, here and below: the grant may be gone.
        self._require_grant_of_location()
        return self._create(request)

    @idempotent
    def _create(self, request: Request) -> HttpResponse:
        fields = BookingCreateSerializer.read(self.body)
        booking_id = fields.pop("id", None)
        booking = bookings.publish(
            fields=cast("bookings.Fields", fields),
            by=Actor.of_caller(self.caller),
            now=walltime.now(),
            booking_id=booking_id,
        )
        response = _shown(representation.of_booking(booking), status=status.HTTP_201_CREATED)
        response["Location"] = reverse("booking", args=[booking.pk])
        return response

    @schema.edit_booking
    def edit(self, request: Request, booking_id: str) -> HttpResponseBase:
        self._own_booking(booking_id)
        self._require_grant_of_location()
        return self._edit_by_path(request, booking_id)

    @idempotent
    def _edit_by_path(self, request: Request, booking_id: str) -> HttpResponse:
        if self.body.get("id", booking_id) != booking_id:
            raise serializers.ValidationError(
                {"id": f"An id does not change: leave it out, or send {booking_id}."}
            )
        return self._edit(booking_id, BookingEditSerializer.read(self.body))

    @schema.edit_booking_by_body
    def edit_by_body(self, request: Request) -> HttpResponse:
        booking_id = self.body.get("id")
        if not isinstance(booking_id, str):
            raise serializers.ValidationError({"id": "Send the id of the booking to edit."})
        if not is_id(booking_id):
            raise NotFound("There is no booking of that id.")
        self._own_booking(booking_id)
        self._require_grant_of_location()
        return self._edit(booking_id, BookingEditByBodySerializer.read(self.body))

    @schema.delete_booking
    def destroy(self, request: Request, booking_id: str) -> HttpResponse:
        self._own_booking(booking_id)
        by = Actor.of_caller(self.caller)
        check = conditional.precondition(request, _tag, is_done=_is_closed)
        booking = bookings.close(booking_id=booking_id, by=by, now=walltime.now(), check=check)
        return json_response({"id": booking.pk, "status": booking.status})

    def _edit(self, booking_id: str, fields: dict[str, Any]) -> HttpResponse:
        fields.pop("id", None)
        booking = bookings.edit(
            booking_id=booking_id,
            fields=cast("bookings.Fields", fields),
            by=Actor.of_caller(self.caller),
            now=walltime.now(),
            check=conditional.precondition(self.request, _tag),
        )
        return _shown(representation.of_booking(booking))

    def _booking(self, booking_id: str) -> Any:
        """Return its row of `_BY_ID`. Raises NotFound."""
        found = (self.first_query or _BY_ID.bind(booking_id=booking_id)).rows()
        if not found:
            raise _no_such(booking_id)
        return found[0]

    def _own_booking(self, booking_id: str) -> None:
        """Raise NotFound, or PermissionDenied where another partner owns it."""
        booking = self._booking(booking_id)
        if booking.partner_id != self.caller.partner_id:
            raise PermissionDenied(
                f"Booking {booking_id} was not created with a key of yours: "
                "only who created a booking edits and deletes it."
            )
        require_grant(self.caller, booking.practice_id)

    def _require_grant_of_location(self) -> None:
        """Raise PermissionDenied if the body has a location of a practice that is not granted."""
        location_id = self.body.get("location_id")
        if is_id(location_id) and not self.caller.all_practices:
            location = bookings.LOCATION.first(location_id=location_id)
            if location is not None:
                require_grant(self.caller, location.practice_id)
