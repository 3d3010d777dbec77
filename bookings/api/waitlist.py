"""REST endpoints of the waiting list (contract, section 8), for partners granted the practice.

A partner puts families on the list, sees those that it put there, and takes them off; any other is
a 404. What they are offered, they answer by the link in their mail, or the office for them.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any, cast

from django.db.models import Case, CharField, F, OuterRef, QuerySet, Subquery, Value, When
from django.http.response import HttpResponse, HttpResponseBase
from django.urls import reverse
from rest_framework import serializers, status
from rest_framework.exceptions import NotFound
from rest_framework.request import Request

from bookings import walltime
from bookings.api import waitlist_schema as schema
from bookings.api.filters import WaitlistFilterSet
from bookings.api.lists import PracticeListViewSet
from bookings.api.waitlist_serializers import (
    ShownStatus,
    WaitlistEntrySerializer,
    WaitlistJoinSerializer,
)
from bookings.models import (
    ON_LIST,
    Appointment,
    EntryStatus,
    Waitlist,
    WaitlistEntry,
    WaitlistOffer,
)
from bookings.patients import record
from bookings.patients.record import PARTNER_FIELDS, Patient
from bookings.scheduling import bookings
from bookings.scheduling.actors import Actor
from bookings.scheduling.waitlist import entries
from openchair.api import conditional
from openchair.api.idempotency import idempotent
from openchair.api.renderers import json_response, text_response
from openchair.api.views import ApiViewSet
from openchair.json_text import encode
from practices.api.permissions import SpecialAuthorizationToWrite, require_grant
from practices.models import Practice

_WISHES = ("location_ids", "doctor_ids", "weekdays", "parts")
Places = Mapping[str, list[Appointment]]
"""The appointments of offers, by their group_id."""


def _rows(now: datetime) -> QuerySet[WaitlistEntry, Any]:
    """Query entries with the status that is shown, and with the offer that is open."""
    offer = WaitlistOffer.objects.open().filter(entry=OuterRef("pk"), until__gt=now)
    return WaitlistEntry.objects.annotate(
        offered_as=Subquery(offer.values("group_id")),
        offered_until=Subquery(offer.values("until")),
        offered_at=Subquery(offer.values("made_at")),
        shown=Case(
            When(offered_as__isnull=False, then=Value(ShownStatus.OFFERED)),
            default=F("status"),
            output_field=CharField(),
        ),
    ).order_by("created_at", "id")


def _places(offers: QuerySet[WaitlistOffer, Any]) -> Places:
    found: dict[str, list[Appointment]] = defaultdict(list)
    rows = Appointment.objects.filter(group_id__in=offers.values("group_id"))
    for each in rows.order_by("booking__start_datetime", "created_at", "id"):
        found[each.group_id or ""].append(each)
    return found


def _as_dict(entry: Any, places: Callable[[], Places]) -> dict[str, Any]:
    """Return the JSON fields of a row of `_rows`. Times are UTC: it is of several locations.

    places: called where the entry has an offer.
    """
    person, offer, updated_at = entry.person, None, entry.updated_at
    if entry.shown == ShownStatus.OFFERED:
        held = places()[entry.offered_as]
        updated_at = max(updated_at, entry.offered_at)
        offer = {
            "appointment_ids": [each.pk for each in held],
            "booking_ids": [each.booking_id for each in held],
            "until": walltime.iso(entry.offered_until, UTC),
        }
    return {
        "id": entry.pk,
        "practice_id": entry.practice_id,
        "status": entry.shown,
        "people": entry.people,
        **{name: getattr(entry, name) for name in _WISHES},
        "earliest": entry.earliest and entry.earliest.isoformat(),
        "latest": entry.latest and entry.latest.isoformat(),
        **{name: getattr(person, name) for name in PARTNER_FIELDS},
        "others": [
            {"first_name": first, "last_name": last}
            for first, last in record.read_names(entry.others or None)
        ],
        "language": entry.language,
        "offer": offer,
        "ends_at": walltime.iso(entry.ends_at, UTC),
        "updated_at": walltime.iso(updated_at, UTC),
        "created_at": walltime.iso(entry.created_at, UTC),
    }


def _text(entry_id: str, now: datetime) -> str:
    """Return an entry as JSON."""
    entry = _rows(now).get(pk=entry_id)
    return encode(_as_dict(entry, lambda: _places(entry.offers.filter(until__gt=now))))


class WaitlistViewSet(PracticeListViewSet):
    """A partner's entries on the waiting list of a practice, as they joined."""

    serializer_class = WaitlistEntrySerializer
    filterset_class = WaitlistFilterSet
    permission_classes = [SpecialAuthorizationToWrite]
    queryset = WaitlistEntry.objects.none()  # for the schema: of_practice makes its own

    @schema.list_waitlist
    def of_practice(self, request: Request, practice_id: str) -> HttpResponseBase:
        practice = self.standing()
        require_grant(self.caller, practice_id)
        own = _rows(self.now).filter(practice=practice_id, partner=self.caller.partner_id)
        lists = Waitlist.objects.filter(practice=practice_id)
        version = lists.values_list("version", flat=True).first()

        @cache
        def places() -> Places:
            # After the rows are read, so that it has the places of each offer among them.
            recent = WaitlistOffer.objects.filter(until__gt=self.now)
            return _places(
                recent.filter(entry__practice=practice_id, entry__partner=self.caller.partner_id)
            )

        return self.answer(
            practice,
            self.filter_queryset(own),
            "created_at",
            lambda row: encode(_as_dict(row, places)),
            practice.tag(self.caller.partner_id, version),
        )

    @schema.join_waitlist
    def create(self, request: Request, practice_id: str) -> HttpResponseBase:
        self.standing()
        # Before a stored answer is repeated: it has a patient's data, and the grant may be gone.
        require_grant(self.caller, practice_id)
        return self._join(request, practice_id)

    @idempotent
    def _join(self, request: Request, practice_id: str) -> HttpResponseBase:
        fields = WaitlistJoinSerializer.read(self.body)
        _check(fields, practice_id)
        said = {name: fields[name] for name in PARTNER_FIELDS if name in fields}
        wishes = {name: fields[name] for name in entries.Wishes.__annotations__ if name in fields}
        entry = entries.join(
            Practice.objects.get(pk=practice_id),
            Patient(**said),
            cast("entries.Wishes", wishes),
            by=Actor.of_caller(self.caller),
            now=walltime.now(),
            others=[
                (each.get("first_name", ""), each.get("last_name", ""))
                for each in fields.get("others", ())
            ],
            language=fields.get("language", "en"),
            source=self.caller.partner_id,
        )
        response = _shown(_text(entry.pk, entry.created_at), status=status.HTTP_201_CREATED)
        response["Location"] = reverse("waitlist_entry", args=[entry.pk])
        return response


class WaitlistEntryViewSet(ApiViewSet):
    """One entry of a waiting list."""

    serializer_class = WaitlistEntrySerializer
    permission_classes = [SpecialAuthorizationToWrite]

    @schema.get_waitlist_entry
    def retrieve(self, request: Request, entry_id: str) -> HttpResponseBase:
        now, practice_id = walltime.now(), self._practice_of_own(entry_id)
        bookings.catch_up(practice_id=practice_id, now=now)
        return conditional.answer_text(request, _text(entry_id, now))

    @schema.leave_waitlist
    def destroy(self, request: Request, entry_id: str) -> HttpResponseBase:
        now, practice_id = walltime.now(), self._practice_of_own(entry_id)
        bookings.catch_up(practice_id=practice_id, now=now)
        entry = entries.end(
            entry_id=entry_id,
            status=EntryStatus.LEFT,
            by=Actor.of_caller(self.caller),
            now=now,
            check=conditional.precondition(
                request,
                lambda entry: conditional.text_tag(_text(entry.pk, now)),
                is_done=lambda entry: entry.status not in ON_LIST,
            ),
        )
        return json_response({"id": entry.pk, "status": entry.status})

    def _practice_of_own(self, entry_id: str) -> str:
        """Return the practice of an entry of this partner. Raises NotFound, PermissionDenied."""
        own = WaitlistEntry.objects.filter(partner=self.caller.partner_id, practice__active=True)
        practice_id = own.filter(pk=entry_id).values_list("practice", flat=True).first()
        if practice_id is None:
            raise NotFound(f"There is no waiting list entry {entry_id} of yours.")
        require_grant(self.caller, practice_id)
        return str(practice_id)


def _check(fields: Mapping[str, Any], practice_id: str) -> None:
    """Raise ValidationError where fields do not fit the path, or each other."""
    errors = {}
    if fields.get("practice_id", practice_id) != practice_id:
        errors["practice_id"] = f"Leave it out, or send {practice_id}, as in the address."
    people, others = fields.get("people", 1), fields.get("others", ())
    if len(others) >= people:
        errors["others"] = (
            f"The patient and {len(others)} more are {len(others) + 1} people: send people."
        )
    if errors:
        raise serializers.ValidationError(errors)


def _shown(text: str, **kwargs: Any) -> HttpResponse:
    return text_response(text, headers={"ETag": conditional.text_tag(text)}, **kwargs)
