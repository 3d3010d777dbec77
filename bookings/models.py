"""Openings, the places in them, the series they repeat in, and the record of what happened."""

from contextvars import ContextVar
from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import F, Q

from bookings import patients
from bookings.patients import PATIENT_FIELDS, Patient
from practices.ids import PublicIdField, id_constraint, text_constraint
from practices.models import ApiKey, Doctor, Kind, Location, Partner, Practice

MOST_PLACES = 1000
LONGEST = 24 * 60


class Status(models.TextChoices):
    """The status of a booking (contract, section 1)."""

    OPEN = "open", "Open"
    PENDING = "pending", "Pending"
    RESERVED = "reserved", "Reserved"
    BOOKED = "booked", "Booked"
    CLOSED = "closed", "Closed"


class PlaceStatus(models.TextChoices):
    """The status of an appointment: of one place in a booking."""

    PENDING = "pending", "Held"
    RESERVED = "reserved", "Reserved"
    BOOKED = "booked", "Booked"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"


NOT_IN_CLEAR: dict[str, str | None] = dict.fromkeys(
    (f"clear_{name}" for name in PATIENT_FIELDS), ""
)
SEALED = ("patient", "patient_key", "email_digest", "phone_digest", *NOT_IN_CLEAR)
"""The columns of an appointment that change with what is known of its patient."""
read_by: ContextVar[set[str] | None] = ContextVar("read_by", default=None)
"""Where a request notes the places whose patients it reads (bookings/access.py)."""
TAKEN = (PlaceStatus.PENDING, PlaceStatus.RESERVED, PlaceStatus.BOOKED)


class Series(models.Model):
    """An opening that repeats every week at the same wall time; what its occurrences begin as."""

    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    location = models.ForeignKey(Location, models.PROTECT, related_name="+")
    doctor = models.ForeignKey(Doctor, models.PROTECT, related_name="+")
    partner = models.ForeignKey(Partner, models.PROTECT, null=True, related_name="+")
    wall_time = models.TimeField(help_text="On the location's wall clock.")
    length = models.PositiveSmallIntegerField(help_text="Minutes.")
    total_appointments = models.PositiveSmallIntegerField()
    next_date = models.DateField(help_text="The next day to be made, on the location's calendar.")
    due_at = models.DateTimeField(help_text="UTC; from then the next day has to exist.")
    ended = models.BooleanField(default=False)

    class Meta:
        verbose_name_plural = "series"
        constraints = [
            models.CheckConstraint(
                name="series_length_minutes", condition=Q(length__gte=1, length__lte=LONGEST)
            ),
            models.CheckConstraint(
                name="series_total_appointments",
                condition=Q(total_appointments__gte=1, total_appointments__lte=MOST_PLACES),
            ),
        ]
        indexes = [
            # What a read has to look for: series of a practice that are due for more weeks.
            models.Index("practice", "due_at", name="series_due", condition=Q(ended=False)),
        ]

    def __str__(self) -> str:
        return f"Weekly at {self.wall_time:%H:%M}"


_FREE = Q(total_appointments__gt=F("places_pending") + F("places_reserved") + F("places_booked"))
_ON_OFFER = _FREE & Q(start_datetime__isnull=False)
_NOTHING_FIXED = Q(start_datetime__isnull=True, places_reserved=0, places_booked=0)
_HELD = Q(places_pending__gt=0) | _NOTHING_FIXED
_NO_PLACES = Q(places_pending=0, places_reserved=0, places_booked=0)


class Booking(models.Model):
    """An opening for an initial consultation. Only bookings/opening.py writes its status.

    Status and places are what the contract's section 1 adds up; the constraints below say the same
    to the database, so that no bug can leave a patient at a closed door.
    """

    id = PublicIdField(primary_key=True)
    status = models.CharField(max_length=8, choices=Status)
    length = models.PositiveSmallIntegerField(default=60, help_text="Minutes.")
    recurring = models.BooleanField(default=False, help_text="Repeated every week.")
    start_datetime = models.DateTimeField(null=True, blank=True, help_text="UTC; empty until set.")
    location = models.ForeignKey(Location, models.PROTECT, related_name="bookings", db_index=False)
    doctor = models.ForeignKey(Doctor, models.PROTECT, related_name="bookings")
    # Always the location's practice, set with it in one place (bookings/openings.py).
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="bookings", db_index=False)
    total_appointments = models.PositiveSmallIntegerField(default=1, help_text="Places.")
    places_pending = models.PositiveSmallIntegerField(default=0, editable=False)
    places_reserved = models.PositiveSmallIntegerField(default=0, editable=False)
    places_booked = models.PositiveSmallIntegerField(default=0, editable=False)
    pending_until = models.DateTimeField(
        null=True, editable=False, help_text="UTC; when the first of its holds expires."
    )
    partner = models.ForeignKey(
        Partner,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="bookings",
        help_text="The owner; empty where staff made it.",
    )
    series = models.ForeignKey(
        Series, models.PROTECT, null=True, editable=False, related_name="occurrences"
    )
    series_date = models.DateField(
        null=True, editable=False, help_text="The occurrence's day, on the location's calendar."
    )
    updated_at = models.DateTimeField(editable=False)
    created_at = models.DateTimeField(editable=False)
    # Written with every change (bookings/opening.py), used where it is current (bookings/shown.py).
    # Null, for a release that knows nothing of them goes on adding rows while this one starts.
    shown = models.TextField(  # noqa: DJ001  # see above
        null=True, editable=False, help_text="Its JSON; null: to be written."
    )
    shown_as = models.CharField(  # noqa: DJ001  # see above
        max_length=100,
        null=True,
        editable=False,
        help_text="The edition and the zone of that JSON.",
    )

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
                condition=Q(Q(status=Status.CLOSED) & _NO_PLACES)
                | Q(Q(status=Status.OPEN) & _ON_OFFER)
                | Q(Q(status=Status.PENDING) & ~_ON_OFFER & _HELD)
                | Q(Q(status=Status.RESERVED) & ~_ON_OFFER & ~_HELD & Q(places_reserved__gt=0))
                | Q(Q(status=Status.BOOKED) & ~_ON_OFFER & ~_HELD & Q(places_reserved=0)),
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
                name="booking_series_has_date",
                condition=Q(series__isnull=True, series_date__isnull=True)
                | Q(series__isnull=False, series_date__isnull=False),
                violation_error_message="An occurrence has a series and a day in it.",
            ),
            models.UniqueConstraint(
                name="booking_once_a_day_in_series",
                fields=["series", "series_date"],
                violation_error_message="The series has this day already.",
            ),
        ]
        indexes = [
            models.Index(
                "location", "status", "start_datetime", "id", name="booking_location_list"
            ),
            models.Index("practice", "start_datetime", "id", name="booking_practice_list"),
            models.Index("location", "start_datetime", "id", name="booking_location_time"),
            # What every read has to look for: holds that have expired.
            models.Index(
                "practice",
                "pending_until",
                name="booking_holds",
                condition=Q(pending_until__isnull=False),
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def free_places(self) -> int:
        """Count the places that nobody holds or has; none once closed."""
        if self.status == Status.CLOSED:
            return 0
        return (
            self.total_appointments
            - self.places_pending
            - self.places_reserved
            - self.places_booked
        )


class Appointment(models.Model):
    """One place in a booking: held, reserved, booked or given up."""

    id = PublicIdField(primary_key=True)
    booking = models.ForeignKey(Booking, models.PROTECT, related_name="appointments")
    status = models.CharField(max_length=9, choices=PlaceStatus)
    has_patient = models.BooleanField(
        help_text="A patient's own place; off where a status of the whole opening took it."
    )
    partner = models.ForeignKey(
        Partner,
        models.PROTECT,
        null=True,
        related_name="appointments",
        db_index=False,
        help_text="Whose hold it is; empty where staff took it.",
    )
    start_datetime = models.DateTimeField(
        null=True,
        blank=True,
        help_text="UTC; of a range booking the exact time, once it is known.",
    )
    # May be null, or SQLite would make the table anew, without its triggers.
    patient = models.TextField(  # noqa: DJ001  # see above
        null=True, editable=False, help_text="Sealed: bookings/patients.py."
    )
    patient_key = models.CharField(  # noqa: DJ001  # see above
        max_length=8, null=True, editable=False, help_text="The name of the key that sealed it."
    )
    email_digest = models.CharField(  # noqa: DJ001  # see above
        max_length=32, null=True, editable=False
    )
    phone_digest = models.CharField(  # noqa: DJ001  # see above
        max_length=32, null=True, editable=False
    )
    # Empty. Where patients were in clear before they were sealed; a release that still runs beside
    # this one writes them here.
    clear_first_name = models.CharField(max_length=100, editable=False, db_column="first_name")
    clear_last_name = models.CharField(max_length=100, editable=False, db_column="last_name")
    clear_email = models.CharField(max_length=254, editable=False, db_column="email")
    clear_phone = models.CharField(max_length=40, editable=False, db_column="phone")
    clear_guardian_name = models.CharField(
        max_length=200, editable=False, db_column="guardian_name"
    )
    clear_zip_code = models.CharField(max_length=20, editable=False, db_column="zip_code")
    clear_message = models.TextField(max_length=2000, editable=False, db_column="message")
    held_since = models.DateTimeField(null=True, help_text="UTC; when it was first held.")
    pending_until = models.DateTimeField(null=True, help_text="UTC; while held, when that ends.")
    updated_at = models.DateTimeField()
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            id_constraint("appointment_id_form"),
            models.CheckConstraint(
                name="appointment_status_known", condition=Q(status__in=PlaceStatus.values)
            ),
            text_constraint("appointment_first_name_length", "clear_first_name", most=100),
            text_constraint("appointment_last_name_length", "clear_last_name", most=100),
            text_constraint("appointment_email_length", "clear_email", most=254),
            text_constraint("appointment_phone_length", "clear_phone", most=40),
            text_constraint("appointment_guardian_name_length", "clear_guardian_name", most=200),
            text_constraint("appointment_zip_code_length", "clear_zip_code", most=20),
            text_constraint("appointment_message_length", "clear_message", most=2000),
            models.CheckConstraint(
                name="appointment_hold_expires",
                condition=Q(
                    status=PlaceStatus.PENDING,
                    held_since__isnull=False,
                    pending_until__isnull=False,
                    pending_until__gte=F("held_since"),
                )
                | Q(~Q(status=PlaceStatus.PENDING), pending_until__isnull=True),
                violation_error_message="A hold has an end, and only a hold.",
            ),
        ]
        indexes = [
            # A partner's live holds are counted at every hold.
            models.Index(
                "partner",
                "pending_until",
                name="appointment_live_holds",
                condition=Q(status=PlaceStatus.PENDING),
            ),
            models.Index(
                "email_digest", name="appointment_email", condition=Q(email_digest__isnull=False)
            ),
            models.Index(
                "phone_digest", name="appointment_phone", condition=Q(phone_digest__isnull=False)
            ),
            # Which keys are in use is asked at every start.
            models.Index(
                "patient_key", name="appointment_keys", condition=Q(patient_key__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def unread_person(self) -> Patient:
        """Give what is known of the patient to what shows it to nobody.

        Raises sealing.UnreadableError.
        """
        sealed, known = self.__dict__.get("_read", (None, patients.NOBODY))
        if sealed != self.patient:
            sealed, known = self._read = (self.patient, patients.read(self.patient))
        clear = ((name, getattr(self, f"clear_{name}")) for name in PATIENT_FIELDS)
        return patients.overlaid(known, clear)

    @property
    def person(self) -> Patient:
        """Give what is known of the patient, to be shown. Raises sealing.UnreadableError."""
        read = read_by.get()
        if read is not None and self.patient is not None:
            read.add(self.pk)
        return self.unread_person

    @person.setter
    def person(self, patient: Patient) -> None:
        for column, value in (patients.kept(patient) | NOT_IN_CLEAR).items():
            setattr(self, column, value)
        self._read = (self.patient, patient)

    @property
    def exact_time(self) -> datetime | None:
        """Give when the patient comes, in UTC: of a range booking only once the office has said."""
        if self.booking.practice.kind == Kind.RANGE:
            return self.start_datetime
        return self.booking.start_datetime


class ActorKind(models.TextChoices):
    """Who made a change."""

    PARTNER = "partner", "Partner"
    STAFF = "staff", "Staff"
    PATIENT = "patient", "Patient"
    CLOCK = "clock", "Clock"


class Feed(models.Model):
    """How many changes a practice has seen: the number of its newest event (bookings/feed.py)."""

    practice = models.OneToOneField(Practice, models.PROTECT, primary_key=True, related_name="feed")
    newest = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.practice_id}: {self.newest}"


class Event(models.Model):
    """One change of a booking, or of one place in it, written with the change and never altered."""

    number = models.BigIntegerField(help_text="In its practice, in the order of commits, from 1.")
    at = models.DateTimeField(help_text="UTC.")
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+", db_index=False)
    booking = models.ForeignKey(Booking, models.PROTECT, related_name="events")
    appointment = models.ForeignKey(Appointment, models.PROTECT, null=True, related_name="events")
    actor = models.CharField(max_length=7, choices=ActorKind)
    api_key = models.ForeignKey(ApiKey, models.PROTECT, null=True, related_name="+", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )
    from_status = models.CharField(max_length=9, blank=True, help_text="Empty when it was made.")
    to_status = models.CharField(max_length=9)
    changes = models.JSONField(default=dict, help_text="Field: what it was, what it is.")

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="event_actor_known",
                condition=Q(actor=ActorKind.PARTNER, api_key__isnull=False, user__isnull=True)
                | Q(actor=ActorKind.STAFF, user__isnull=False, api_key__isnull=True)
                | Q(
                    actor__in=[ActorKind.PATIENT, ActorKind.CLOCK],
                    api_key__isnull=True,
                    user__isnull=True,
                ),
            ),
            models.CheckConstraint(
                name="event_status_known",
                condition=Q(
                    appointment__isnull=True,
                    to_status__in=Status.values,
                    from_status__in=["", *Status.values],
                )
                | Q(
                    appointment__isnull=False,
                    to_status__in=PlaceStatus.values,
                    from_status__in=["", *PlaceStatus.values],
                ),
            ),
            models.UniqueConstraint(name="event_practice_number", fields=["practice", "number"]),
        ]

    def __str__(self) -> str:
        return f"{self.booking_id}: {self.from_status or 'made'} to {self.to_status}"


class Access(models.Model):
    """That somebody was shown what is known of patients (bookings/access.py); never altered."""

    at = models.DateTimeField(help_text="UTC.")
    practice = models.ForeignKey(Practice, models.PROTECT, related_name="+")
    actor = models.CharField(max_length=7, choices=ActorKind)
    api_key = models.ForeignKey(ApiKey, models.PROTECT, null=True, related_name="+", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )
    method = models.CharField(max_length=10)
    route = models.CharField(max_length=200, help_text="The pattern of the page or the list.")
    appointments = models.JSONField(help_text="The ids of the places.")

    class Meta:
        ordering = ["-id"]
        verbose_name = "access to patients"
        verbose_name_plural = "access to patients"
        constraints = [
            models.CheckConstraint(
                name="access_actor_known",
                condition=Q(actor=ActorKind.PARTNER, api_key__isnull=False, user__isnull=True)
                | Q(actor=ActorKind.STAFF, user__isnull=False, api_key__isnull=True),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.at:%Y-%m-%d %H:%M:%S} {self.method} {self.route}"
