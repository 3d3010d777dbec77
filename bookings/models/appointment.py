"""Appointment model: a patient's place in a booking, with the patient's data encrypted."""

from collections.abc import Iterable
from contextvars import ContextVar
from datetime import date, datetime
from typing import NamedTuple, Self

from django.db import models
from django.db.models import F, Q

from bookings.models.booking import Booking, local_days
from bookings.patients import record
from bookings.patients.record import Patient
from practices.ids import ID_LENGTH, PublicIdField, id_constraint
from practices.models import Kind, Location, Partner


class AppointmentStatus(models.TextChoices):
    PENDING = "pending", "Held"
    RESERVED = "reserved", "Reserved"
    BOOKED = "booked", "Booked"
    CANCELLED = "cancelled", "Cancelled"
    EXPIRED = "expired", "Expired"


class Language(models.TextChoices):
    """What a patient reads: the languages of the booking page (contract, section 6)."""

    EN = "en", "English"
    ES = "es", "Spanish"


class Attendance(models.TextChoices):
    """Whether the patient came; said by a person, never guessed (contract, section 10)."""

    UNKNOWN = "unknown", "Unknown"
    KEPT = "kept", "Came"
    NO_SHOW = "no_show", "No-show"
    LATE_CANCEL = "late_cancel", "Late cancel"


class ExternalStatus(models.TextChoices):
    """What the practice's own system says of an appointment (contract, section 9)."""

    ENTERED = "entered", "Entered"
    FAILED = "failed", "Failed"


ATTRIBUTION = ("booking_referral", "utm_source", "utm_medium", "utm_campaign")
"""The keys of `attribution`."""


class Read(NamedTuple):
    """Ids of the appointments and waiting-list entries whose patients a request has read."""

    appointments: set[str]
    entries: set[str]


read_by: ContextVar[Read | None] = ContextVar("read_by", default=None)
"""What the request has read (bookings/patients/access.py)."""
TAKEN = (AppointmentStatus.PENDING, AppointmentStatus.RESERVED, AppointmentStatus.BOOKED)
BOOKED = (AppointmentStatus.RESERVED, AppointmentStatus.BOOKED)
"""Of a visit that is booked; in a range practice first reserved."""


class AppointmentQuerySet(models.QuerySet["Appointment"]):
    def taken(self) -> Self:
        """Held, reserved or booked."""
        return self.filter(status__in=TAKEN)

    def waiting_for_time(self) -> Self:
        """Reserved in a range booking: the office has yet to set the exact time."""
        return self.filter(status=AppointmentStatus.RESERVED)

    def timed(self) -> Self:
        """Booked in a range booking, with an exact time of their own."""
        return self.filter(status=AppointmentStatus.BOOKED, start_datetime__isnull=False)

    def timed_on_local_days(self, locations: Iterable[Location], first: date, last: date) -> Self:
        """Timed on these days, first to last inclusive, by each location's wall clock."""
        return self.timed().filter(local_days(locations, first, last, location="booking__location"))


class Appointment(models.Model):
    """A patient's place in a booking: held, reserved, booked or given up."""

    id = PublicIdField(primary_key=True)
    booking = models.ForeignKey(
        Booking, models.PROTECT, related_name="appointments", db_index=False
    )
    status = models.CharField(max_length=9, choices=AppointmentStatus)
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
    attendance = models.CharField(
        max_length=11,
        choices=Attendance,
        default=Attendance.UNKNOWN,
        db_default=Attendance.UNKNOWN,
    )
    # Null where nobody said: columns without a default are added to a large table at once.
    group_id = models.CharField(  # noqa: DJ001  # see above
        max_length=ID_LENGTH, null=True, editable=False, help_text="Shared by a family's visits."
    )
    language = models.CharField(  # noqa: DJ001  # see above
        max_length=2, choices=Language, null=True, help_text="Empty: English."
    )
    source = models.CharField(  # noqa: DJ001  # see above
        max_length=100,
        null=True,
        editable=False,
        help_text="Where the patient came from: a partner's id, or any text.",
    )
    attribution = models.JSONField(
        null=True, editable=False, help_text="What else the first address said: ATTRIBUTION."
    )
    confirmed_at = models.DateTimeField(
        null=True, editable=False, help_text="UTC; when the patient said: I will come."
    )
    # What the practice's own system says of it; another time or place takes the status back.
    external_id = models.CharField(  # noqa: DJ001  # see above
        max_length=100, null=True, editable=False, help_text="Its id there."
    )
    external_status = models.CharField(  # noqa: DJ001  # see above
        max_length=7, choices=ExternalStatus, null=True, editable=False
    )
    external_reason = models.CharField(  # noqa: DJ001  # see above
        max_length=200, null=True, editable=False, help_text="Why it could not be entered."
    )
    # Null where nothing is known, so that the partial indexes leave these rows out.
    patient = models.TextField(  # noqa: DJ001  # see above
        null=True, editable=False, help_text="Sealed: bookings/patients/record.py."
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
    held_since = models.DateTimeField(null=True, help_text="UTC; when it was first held.")
    pending_until = models.DateTimeField(null=True, help_text="UTC; while held, when that ends.")
    updated_at = models.DateTimeField()
    created_at = models.DateTimeField()

    objects = AppointmentQuerySet.as_manager()

    class Meta:
        constraints = [
            id_constraint("appointment_id_form"),
            models.CheckConstraint(
                name="appointment_status_known", condition=Q(status__in=AppointmentStatus.values)
            ),
            models.CheckConstraint(
                name="appointment_hold_expires",
                condition=Q(
                    status=AppointmentStatus.PENDING,
                    held_since__isnull=False,
                    pending_until__isnull=False,
                    pending_until__gte=F("held_since"),
                )
                | Q(~Q(status=AppointmentStatus.PENDING), pending_until__isnull=True),
                violation_error_message="A hold has an end, and only a hold.",
            ),
            models.CheckConstraint(
                name="appointment_attendance_fits",
                condition=Q(attendance=Attendance.UNKNOWN)
                | Q(attendance__in=Attendance.values, status=AppointmentStatus.BOOKED)
                | Q(attendance=Attendance.LATE_CANCEL, status=AppointmentStatus.CANCELLED),
                violation_error_message="Only who was booked came, or did not.",
            ),
        ]
        indexes = [
            # Taken ones are counted whenever a booking changes; cancelled and expired rows stay.
            models.Index("booking", "status", name="appointment_of_booking"),
            # A partner's live holds are counted at every hold.
            models.Index(
                "partner",
                "pending_until",
                name="appointment_live_holds",
                condition=Q(pending_until__isnull=False),
            ),
            models.Index(
                "email_digest", name="appointment_email", condition=Q(email_digest__isnull=False)
            ),
            models.Index(
                "phone_digest", name="appointment_phone", condition=Q(phone_digest__isnull=False)
            ),
            # The names of the keys in use are read at every start.
            models.Index(
                "patient_key", name="appointment_keys", condition=Q(patient_key__isnull=False)
            ),
            # A range practice's board looks for exact times, which can be on any other day than the
            # booking's. No condition on the status: prepared statements have it as a parameter.
            models.Index(
                "start_datetime",
                name="appointment_exact_time",
                condition=Q(start_datetime__isnull=False),
            ),
            models.Index("group_id", name="appointment_group", condition=Q(group_id__isnull=False)),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def unread_person(self) -> Patient:
        """The patient's data, decrypted, not logged as an access.

        For where no response has it, or the patient's own alone. Raises encryption.UnreadableError.
        """
        known: tuple[str | None, Patient] = self.__dict__.get("_read", (None, record.NOBODY))
        if known[0] != self.patient:
            known = self._read = (self.patient, record.read(self.patient))
        return known[1]

    @property
    def person(self) -> Patient:
        """The patient's data, logged as an access. Raises encryption.UnreadableError."""
        read = read_by.get()
        if read is not None and self.patient is not None:
            read.appointments.add(self.pk)
        return self.unread_person

    @person.setter
    def person(self, patient: Patient) -> None:
        for column, value in record.kept(patient).items():
            setattr(self, column, value)
        self._read = (self.patient, patient)

    @property
    def exact_time(self) -> datetime | None:
        """When the patient comes, in UTC; None in a range booking until the office sets it."""
        if self.booking.practice.kind == Kind.RANGE:
            return self.start_datetime
        return self.booking.start_datetime

    @property
    def starts_at(self) -> datetime | None:
        """The exact time, in UTC; without one when the opening begins, if that has a time."""
        return self.exact_time or self.booking.start_datetime
