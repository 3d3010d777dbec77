"""The files of the public list: made from a practice's rows, and kept until they would change.

What a file says hangs on the practice's rows, on the number of its newest event, and on the clock:
an opening appears when it comes within the horizon, and is gone when it is too soon.
"""

import gzip
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Model, QuerySet
from django.utils import translation

from bookings import walltime
from bookings.booking_page import rules
from bookings.models import Booking, Feed
from bookings.scheduling import availability, bookings
from bookings.scheduling.availability import Criteria
from bookings.smart import resources
from bookings.smart.locations import lacks
from bookings.smart.resources import Resource
from openchair.api.conditional import text_tag
from openchair.json_text import encode
from practices.models import BookingPage, Doctor, Location, Practice

TYPES = (
    "Organization",
    "Location",
    "Practitioner",
    "PractitionerRole",
    "HealthcareService",
    "Schedule",
    "Slot",
)
KEPT = 500
"""Practices whose files a process keeps."""
_COLUMNS = (
    "pk",
    "status",
    "start_datetime",
    "length",
    "location_id",
    "doctor_id",
    "places_pending",
)


@dataclass(frozen=True)
class File:
    """A text as it is sent, compressed; of a month of openings that is a thirtieth."""

    compressed: bytes
    tag: str
    """Weak, for it is sent with and without compression."""
    since: datetime
    """When this process first had this text."""

    @classmethod
    def of(cls, text: str, now: datetime, before: "File | None" = None) -> "File":
        tag = f"W/{text_tag(text)}"
        if before is not None and before.tag == tag:
            return before
        return cls(gzip.compress(text.encode(), 6, mtime=0), tag, now)

    @property
    def content(self) -> bytes:
        return gzip.decompress(self.compressed)

    def modified(self, now: datetime) -> int | None:
        """Return the second since which it is so, for Last-Modified; None within that second.

        In the rest of a second it could still change, and the header would not tell.
        """
        second = int(self.since.timestamp())
        return second if now.timestamp() >= second + 1 else None


@dataclass(frozen=True)
class Files:
    """A practice's files by type, and what they are true for."""

    by_type: dict[str, File]
    rows: list[Any]
    newest: int
    since: datetime
    until: datetime

    def are_of(self, rows: list[Any], newest: int, now: datetime) -> bool:
        return (self.rows, self.newest) == (rows, newest) and self.since <= now <= self.until


_kept: dict[str, Files] = {}


def practices() -> QuerySet[Practice]:
    """Return the practices that opted in and whose booking page is on, with their locations."""
    opted_in = Practice.objects.filter(
        active=True, booking_page__active=True, booking_page__public_feed=True
    )
    shown = ("locations", "booking_page__locations")
    return opted_in.select_related("booking_page").prefetch_related(*shown).order_by("pk")


def listed(practice: Practice) -> list[Location]:
    """Return the locations that its booking page shows and that have all that the list needs."""
    shown = rules.locations(practice, practice.booking_page)
    return [each for each in shown if not lacks(each)]


def of_practice(practice: Practice, now: datetime) -> Files:
    """Return the files of one of `practices`, settled; made anew only if they would be others."""
    bookings.catch_up(practice_id=practice.pk, now=now)
    page = practice.booking_page
    locations = listed(practice)
    # Of all that are shown, as on the booking page, also where they work at none that is listed.
    doctors = rules.doctors(practice, page, rules.locations(practice, page))
    rows = _rows(practice, page, locations, doctors)
    # Read before what it numbers: what is committed in between makes them anew with the next read.
    newest = Feed.objects.filter(practice=practice).values_list("newest", flat=True).first() or 0
    kept = _kept.get(practice.pk)
    if kept is not None and kept.are_of(rows, newest, now):
        return kept
    criteria = _criteria(page, locations, doctors, now)
    slots = _slots(criteria)
    # Links are to the page in English, which leads to the other language.
    with translation.override("en"):
        texts = _texts(practice, locations, doctors, slots)
    before = kept.by_type if kept else {}
    by_type = {kind: File.of(text, now, before.get(kind)) for kind, text in texts.items()}
    files = Files(by_type, rows, newest, now, _until(page, criteria, slots))
    _keep(practice.pk, files)
    return files


def _keep(practice_id: str, files: Files) -> None:
    if practice_id not in _kept and len(_kept) >= KEPT:
        _kept.clear()
    _kept[practice_id] = files


def _rows(
    practice: Practice, page: BookingPage, locations: list[Location], doctors: list[Doctor]
) -> list[Any]:
    """Return everything that is known of practice, page, locations and doctors."""
    works_at = [[at.pk for at in each.locations.all()] for each in doctors]
    rows: list[Model] = [practice, page, *locations, *doctors]
    values = [[getattr(row, field.attname) for field in row._meta.concrete_fields] for row in rows]
    return [values, works_at]


def _criteria(
    page: BookingPage, locations: list[Location], doctors: list[Doctor], now: datetime
) -> Criteria:
    """Return what the booking page looks for where one person comes, to any location and doctor."""
    earliest, latest = rules.window(page, now)
    return Criteria(
        people=1,
        location_ids=[each.pk for each in locations],
        doctor_ids=[each.pk for each in doctors],
        earliest=earliest,
        latest=latest,
    )


def _openings(criteria: Criteria) -> QuerySet[Booking]:
    rows = Booking.objects.not_closed().filter(location__in=criteria.location_ids)
    return rows.order_by("start_datetime", "pk")


def _slots(criteria: Criteria) -> list[resources.Slot]:
    rows = availability.within(_openings(criteria), criteria)
    return [resources.Slot(*row) for row in rows.values_list(*_COLUMNS)]


def _until(page: BookingPage, criteria: Criteria, slots: list[resources.Slot]) -> datetime:
    """Return the last instant at which the same openings are listed, if nobody changes any."""
    ends = [walltime.LATEST]
    if slots:
        ends.append(slots[0].start - rules.lead(page))
    later = _openings(criteria).filter(start_datetime__gt=criteria.latest)
    following = later.values_list("start_datetime", flat=True).first()
    if following is not None:
        ends.append(following - rules.horizon(page) - timedelta(milliseconds=1))
    return min(ends)


def _texts(
    practice: Practice,
    locations: list[Location],
    doctors: list[Doctor],
    slots: list[resources.Slot],
) -> dict[str, str]:
    at = {each.pk: each for each in locations}
    known = {each.pk: each for each in doctors}
    # A doctor who has left a location may still have openings there.
    pairs = {(each.doctor_id, each.location_id) for each in slots}
    pairs |= {(each.pk, here.pk) for each in doctors for here in each.locations.all()}
    roles = [(known[who], at[where]) for who, where in sorted(pairs) if where in at]
    who_works = dict.fromkeys(doctor for doctor, _ in roles)
    of_type: dict[str, list[Resource]] = {
        "Organization": [resources.organization(practice)],
        "Location": [resources.location(each) for each in locations],
        "Practitioner": [resources.practitioner(each) for each in who_works],
        "PractitionerRole": [resources.practitioner_role(*each) for each in roles],
        "HealthcareService": [resources.healthcare_service(each) for each in locations],
        "Schedule": [resources.schedule(*each) for each in roles],
        "Slot": [resources.slot(each, at[each.location_id], practice.kind) for each in slots],
    }
    return {kind: "".join(f"{encode(each)}\n" for each in rows) for kind, rows in of_type.items()}
