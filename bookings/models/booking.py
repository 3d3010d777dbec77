"""Booking model: its status and counts of places, with check constraints and indexes."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Self
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import Case, F, Q, Value, When

from bookings import walltime
from bookings.models.series import LONGEST, MOST_PLACES, Series
from practices.ids import PublicIdField, id_constraint
from practices.models import Doctor, Location, Partner, Practice


class Status(models.TextChoices):
    """The status of a booking (contract, section 1)."""

    OPEN = "open", "Open"
    PENDING = "pending", "Pending"
    RESERVED = "reserved", "Reserved"
    BOOKED = "booked", "Booked"
    CLOSED = "closed", "Closed"


_NO_PLACES = Q(places_pending=0, places_reserved=0, places_booked=0)
_NOTHING_WHOLE = Q(whole_pending=0, whole_reserved=0, whole_booked=0)
_FREE = Q(total_appointments__gt=F("places_pending") + F("places_reserved") + F("places_booked"))
_UNDECIDED = Q(start_datetime__isnull=True, places_reserved=0, places_booked=0)
_STATUS = Case(
    When(Q(status=Status.CLOSED) & _NO_PLACES, then=Value(Status.CLOSED.value)),
    When(Q(status=Status.CLOSED), then=Value("")),
    When(_FREE & Q(start_datetime__isnull=False), then=Value(Status.OPEN.value)),
    When(Q(places_pending__gt=0) | _UNDECIDED, then=Value(Status.PENDING.value)),
    When(Q(places_reserved__gt=0), then=Value(Status.RESERVED.value)),
    default=Value(Status.BOOKED.value),
)
"""The status by the places, as `Booking.status_by_places` computes it."""


def local_days(
    locations: Iterable[Location],
    first: date,
    last: date,
    *,
    location: str = "location",
    instant: str = "start_datetime",
) -> Q:
    """Filter an instant to days, first to last inclusive, by each location's wall clock.

    location, instant: the lookups from a row to its location, and to the instant.
    """
    by_zone: dict[str, list[str]] = defaultdict(list)
    for each in locations:
        by_zone[each.timezone].append(each.pk)
    found, all_begin, all_end = Q(pk__in=[]), [], []
    for name, ids in by_zone.items():
        begins = walltime.start_of_day(first, ZoneInfo(name))
        ends = walltime.start_of_day(last + timedelta(days=1), ZoneInfo(name))
        in_days = {f"{instant}__gte": begins, f"{instant}__lt": ends}
        found |= Q(**in_days, **{f"{location}__in": ids})
        all_begin.append(begins)
        all_end.append(ends)
    if len(by_zone) > 1:  # what all zones have in common, for an index of the instant
        found &= Q(**{f"{instant}__gte": min(all_begin), f"{instant}__lt": max(all_end)})
    return found


class BookingQuerySet(models.QuerySet["Booking"]):
    def not_closed(self) -> Self:
        return self.exclude(status=Status.CLOSED)

    def on_local_days(self, locations: Iterable[Location], first: date, last: date) -> Self:
        """At these locations, on days first to last inclusive by each location's wall clock."""
        return self.filter(local_days(locations, first, last))


class Booking(models.Model):
    """A time that patients can book a first consultation in, with one place or several.

    Only bookings/scheduling/ writes its status and counts, by the rules of the contract's section
    1. The constraints below are the same rules, so that no bug can close a booking with a patient
    in it.
    """

    id = PublicIdField(primary_key=True)
    status = models.CharField(max_length=8, choices=Status)
    length = models.SmallIntegerField(default=60, help_text="Minutes.")
    recurring = models.BooleanField(default=False, help_text="Repeated every week.")
    start_datetime = models.DateTimeField(null=True, blank=True, help_text="UTC; empty until set.")
    location = models.ForeignKey(Location, models.PROTECT, related_name="bookings", db_index=False)
    doctor = models.ForeignKey(Doctor, models.PROTECT, related_name="bookings", db_index=False)
    # Always the location's practice; set together with it (bookings/scheduling/bookings.py).
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="bookings", db_index=False)
    total_appointments = models.SmallIntegerField(default=1, help_text="Places.")
    places_pending = models.SmallIntegerField(default=0, editable=False)
    places_reserved = models.SmallIntegerField(default=0, editable=False)
    places_booked = models.SmallIntegerField(default=0, editable=False)
    pending_until = models.DateTimeField(
        null=True, editable=False, help_text="UTC; when the first of its holds expires."
    )
    # Of places_*, those taken by a status of the whole booking, without a patient; the others are
    # Appointment rows. whole_partner is of the last actor that took some or changed their status.
    whole_pending = models.SmallIntegerField(default=0, editable=False)
    whole_reserved = models.SmallIntegerField(default=0, editable=False)
    whole_booked = models.SmallIntegerField(default=0, editable=False)
    whole_partner = models.ForeignKey(
        Partner,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        db_index=False,
        help_text="Empty where staff took them.",
    )
    whole_held_since = models.DateTimeField(
        null=True, editable=False, help_text="UTC; when it was first held as a whole."
    )
    whole_pending_until = models.DateTimeField(
        null=True, editable=False, help_text="UTC; when the hold of the whole booking expires."
    )
    partner = models.ForeignKey(
        Partner,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="bookings",
        db_index=False,
        help_text="The owner; empty where staff made it.",
    )
    # No index of its own: the unique constraint's begins with it.
    series = models.ForeignKey(
        Series,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="occurrences",
        db_index=False,
    )
    series_date = models.DateField(
        null=True, editable=False, help_text="The occurrence's day, on the location's calendar."
    )
    freed_at = models.DateTimeField(
        null=True, editable=False, help_text="UTC; when a place of it last became free."
    )
    updated_at = models.DateTimeField(editable=False)
    created_at = models.DateTimeField(editable=False)
    # A cache: written with every change, used where it is current (bookings/representation.py).
    shown = models.TextField(default="", editable=False, help_text="Its JSON.")
    shown_as = models.CharField(
        max_length=100,
        default="",
        editable=False,
        help_text="The edition and the zone of that JSON; empty: to be written.",
    )

    objects = BookingQuerySet.as_manager()

    class Meta:
        constraints = [
            id_constraint("booking_id_form"),
            models.CheckConstraint(
                name="booking_length_minutes",
                condition=Q(length__gte=1, length__lte=LONGEST),
                violation_error_message=f"A booking takes 1 to {LONGEST} minutes.",
            ),
            models.CheckConstraint(
                name="booking_total_appointments",
                condition=Q(total_appointments__gte=1, total_appointments__lte=MOST_PLACES),
                violation_error_message=f"A booking has 1 to {MOST_PLACES} places.",
            ),
            models.CheckConstraint(
                name="booking_places_within_total",
                condition=Q(
                    total_appointments__gte=F("places_pending")
                    + F("places_reserved")
                    + F("places_booked")
                ),
                violation_error_message="More places are taken than the booking has.",
            ),
            models.CheckConstraint(
                name="booking_status_agrees_with_places",
                condition=Q(status=_STATUS),
                violation_error_message="The status does not agree with the places taken.",
            ),
            models.CheckConstraint(
                name="booking_booked_has_start",
                condition=Q(places_booked=0) | Q(start_datetime__isnull=False),
                violation_error_message="A booked place needs the exact time.",
            ),
            models.CheckConstraint(
                name="booking_hold_expires",
                condition=Q(places_pending=0, pending_until__isnull=True)
                | Q(places_pending__gt=0, pending_until__isnull=False),
                violation_error_message="A held place needs the time at which its hold expires.",
            ),
            models.CheckConstraint(
                name="booking_whole_within_places",
                condition=Q(
                    whole_pending__range=(0, F("places_pending")),
                    whole_reserved__range=(0, F("places_reserved")),
                    whole_booked__range=(0, F("places_booked")),
                ),
                violation_error_message="More is taken as a whole than is taken.",
            ),
            models.CheckConstraint(
                name="booking_whole_hold_expires",
                condition=Q(
                    whole_pending=0,
                    whole_held_since__isnull=True,
                    whole_pending_until__isnull=True,
                )
                | Q(
                    whole_pending__gt=0,
                    whole_held_since__isnull=False,
                    whole_pending_until__isnull=False,
                    whole_pending_until__gte=F("whole_held_since"),
                    pending_until__lte=F("whole_pending_until"),
                ),
                violation_error_message="A hold of the whole booking has an end.",
            ),
            models.CheckConstraint(
                name="booking_whole_has_owner",
                condition=Q(whole_partner__isnull=True) | ~_NOTHING_WHOLE,
                violation_error_message="Only what is taken as a whole has an owner as a whole.",
            ),
            models.CheckConstraint(
                name="booking_series_has_date",
                condition=Q(series__isnull=True, series_date__isnull=True)
                | Q(series__isnull=False, series_date__isnull=False),
                violation_error_message="An occurrence has a series and a day in it.",
            ),
            models.UniqueConstraint(
                name="booking_once_a_day_in_series",
                fields=["series", "series_date"],
                condition=Q(series__isnull=False),
                violation_error_message="The series has this day already.",
            ),
        ]
        indexes = [
            models.Index(
                "location", "status", "start_datetime", "id", name="booking_location_list"
            ),
            models.Index("practice", "start_datetime", "id", name="booking_practice_list"),
            models.Index("location", "start_datetime", "id", name="booking_location_time"),
            # Every read of a list looks for holds that have expired.
            models.Index(
                "practice",
                "pending_until",
                name="booking_holds",
                condition=Q(pending_until__isnull=False),
            ),
            # A partner's holds of whole bookings are counted at every hold.
            models.Index(
                "whole_partner",
                "whole_pending_until",
                name="booking_whole_holds",
                condition=Q(whole_pending_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def places_taken(self) -> int:
        """Held, reserved or booked, with or without a patient."""
        return self.places_pending + self.places_reserved + self.places_booked

    @property
    def whole_taken(self) -> int:
        """Those of `places_taken` that a status of the whole booking took, without a patient."""
        return self.whole_pending + self.whole_reserved + self.whole_booked

    @property
    def free_places(self) -> int:
        """0 once closed."""
        return 0 if self.status == Status.CLOSED else self.total_appointments - self.places_taken

    @property
    def status_by_places(self) -> str:
        """What the places add up to (contract, section 1), as a check constraint has it, too."""
        if self.status == Status.CLOSED:
            return Status.CLOSED
        if self.free_places > 0 and self.start_datetime is not None:
            return Status.OPEN
        fixed = self.places_reserved + self.places_booked
        if self.places_pending or (self.start_datetime is None and not fixed):
            return Status.PENDING
        return Status.RESERVED if self.places_reserved else Status.BOOKED

    @property
    def is_free(self) -> bool:
        """Whether no place is taken, and it is not closed."""
        return self.status != Status.CLOSED and not self.places_taken
