"""Waiting list models: who waits for which places, what was offered to them, and what they said."""

from datetime import datetime

from django.conf import settings
from django.db import models
from django.db.models import Exists, F, OuterRef, Q

from bookings.models.appointment import Appointment, Language, read_by
from bookings.models.booking import Booking
from bookings.models.event import ActorKind
from bookings.patients import record
from bookings.patients.record import Patient
from practices.ids import PublicIdField, id_constraint, new_id
from practices.models import ApiKey, Partner, Practice


class Waitlist(models.Model):
    """A practice's waiting list: the row that is locked by whatever changes the list."""

    practice = models.OneToOneField(
        Practice, models.PROTECT, primary_key=True, related_name="waitlist"
    )
    is_waiting = models.BooleanField(default=False, help_text="Whether anybody waits.")
    is_due = models.BooleanField(
        default=False, help_text="Whether everything that is free has to be offered anew."
    )
    seen = models.BigIntegerField(
        default=0, help_text="Up to this event of the practice, what is free was offered."
    )
    version = models.BigIntegerField(default=0, help_text="Raised by each change of the list.")

    def __str__(self) -> str:
        return f"Waiting list of {self.practice_id}"


class EntryStatus(models.TextChoices):
    WAITING = "waiting", "Waiting"
    PAUSED = "paused", "Paused"
    BOOKED = "booked", "Booked"
    LEFT = "left", "Left the list"
    ENDED = "ended", "Ended"


ON_LIST = (EntryStatus.WAITING, EntryStatus.PAUSED)


class WaitlistEntryQuerySet(models.QuerySet["WaitlistEntry"]):
    def in_turn(self, now: datetime) -> "WaitlistEntryQuerySet":
        """Those to whom something can be offered, in the order in which it is."""
        waiting = self.on_list(now).filter(status=EntryStatus.WAITING)
        return waiting.without_offer().order_by(*IN_ORDER)

    def on_list(self, now: datetime) -> "WaitlistEntryQuerySet":
        """Those that wait, paused or not, and have not come to their end."""
        return self.filter(status__in=ON_LIST, ends_at__gt=now)

    def without_offer(self) -> "WaitlistEntryQuerySet":
        """Those that are offered nothing that is still to be answered."""
        return self.filter(~Exists(WaitlistOffer.objects.open().filter(entry=OuterRef("pk"))))


IN_ORDER = ("-priority", "created_at", "id")


class WaitlistEntry(models.Model):
    """A family that waits for places, with the patient's data encrypted (contract, section 8).

    An empty list of locations, doctors, weekdays or parts of the day means any.
    """

    id = PublicIdField(primary_key=True)
    practice = models.ForeignKey(
        Practice, models.PROTECT, related_name="waitlist_entries", db_index=False
    )
    status = models.CharField(max_length=7, choices=EntryStatus, default=EntryStatus.WAITING)
    priority = models.PositiveIntegerField(
        default=0, help_text="The highest is first; 0 unless staff put the family first."
    )
    people = models.PositiveSmallIntegerField(default=1)
    location_ids = models.JSONField(default=list)
    doctor_ids = models.JSONField(default=list)
    weekdays = models.JSONField(default=list, help_text="Of WEEKDAYS.")
    parts = models.JSONField(default=list, help_text="Of representation.TIME_RANGES.")
    earliest = models.DateField(null=True, help_text="The first day, on the location's calendar.")
    latest = models.DateField(null=True, help_text="The last one.")
    visits = models.ManyToManyField(
        Appointment,
        related_name="waitlist_entries",
        help_text="Their visits, if they want an earlier time: moved when they accept.",
    )
    language = models.CharField(max_length=2, choices=Language, default=Language.EN)
    partner = models.ForeignKey(
        Partner,
        models.PROTECT,
        null=True,
        related_name="waitlist_entries",
        db_index=False,
        help_text="Who put them on the list; empty where staff or the family did.",
    )
    joined_by = models.CharField(max_length=7, choices=ActorKind)
    source = models.CharField(max_length=100, blank=True, help_text="As Appointment.source.")
    attribution = models.JSONField(null=True, help_text="As Appointment.attribution.")
    unanswered = models.PositiveSmallIntegerField(
        default=0, help_text="Offers in a row that nobody answered."
    )
    patient = models.TextField(blank=True, help_text="Sealed: bookings/patients/record.py.")
    others = models.TextField(
        blank=True, help_text="Sealed JSON: first and last name of each of the other people."
    )
    sealed_by = models.CharField(
        max_length=8, blank=True, help_text="The name of the key that sealed them."
    )
    email_digest = models.CharField(max_length=32, blank=True)
    phone_digest = models.CharField(max_length=32, blank=True)
    ends_at = models.DateTimeField(help_text="UTC; when it ends by itself.")
    ended_at = models.DateTimeField(null=True, help_text="UTC; when they were off the list.")
    updated_at = models.DateTimeField(help_text="UTC.")
    created_at = models.DateTimeField(help_text="UTC.")

    SEALED = ("patient", "others", "sealed_by", "email_digest", "phone_digest")
    """The columns of the patient's data; all are empty where there is none (any more)."""

    objects = WaitlistEntryQuerySet.as_manager()

    class Meta:
        constraints = [
            id_constraint("waitlist_entry_id_form"),
            models.CheckConstraint(
                name="waitlist_entry_status_known", condition=Q(status__in=EntryStatus.values)
            ),
            models.CheckConstraint(
                name="waitlist_entry_people", condition=Q(people__gte=1, people__lte=4)
            ),
            models.CheckConstraint(
                name="waitlist_entry_ended",
                condition=Q(status__in=ON_LIST, ended_at__isnull=True)
                | Q(~Q(status__in=ON_LIST), ended_at__isnull=False),
            ),
        ]
        indexes = [
            models.Index(
                fields=["practice", "status", "-priority", "created_at"], name="waitlist_in_order"
            ),
            models.Index("partner", "practice", "created_at", name="waitlist_of_partner"),
        ]

    def __str__(self) -> str:
        return self.id

    @property
    def unread_person(self) -> Patient:
        """As `Appointment.unread_person`."""
        return record.read(self.patient or None)

    @property
    def person(self) -> Patient:
        """The patient's data, logged as an access. Raises encryption.UnreadableError."""
        read = read_by.get()
        if read is not None and self.patient:
            read.entries.add(self.pk)
        return self.unread_person

    @property
    def unread_people(self) -> list[Patient]:
        """The patient and the others, each with the family's contact; not logged as an access.

        A name that nobody said is empty.
        """
        first = self.unread_person
        names = record.read_names(self.others or None)[: self.people - 1]
        names += [("", "")] * (self.people - 1 - len(names))
        return [first, *(first._replace(first_name=a, last_name=b, message="") for a, b in names)]

    def seal(self, patient: Patient, others: "list[tuple[str, str]]") -> None:
        """Set the columns of the patient's data."""
        kept = record.kept(patient)
        self.patient, self.sealed_by = kept["patient"] or "", kept["patient_key"] or ""
        self.email_digest = kept["email_digest"] or ""
        self.phone_digest = kept["phone_digest"] or ""
        self.others = record.kept_names(others)


WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class OfferOutcome(models.TextChoices):
    ACCEPTED = "accepted", "Accepted"
    DECLINED = "declined", "Declined"
    UNANSWERED = "unanswered", "Not answered"
    WITHDRAWN = "withdrawn", "Withdrawn"


class WaitlistOfferQuerySet(models.QuerySet["WaitlistOffer"]):
    def open(self) -> "WaitlistOfferQuerySet":
        """Those that have not ended."""
        return self.filter(outcome__isnull=True)


class WaitlistOffer(models.Model):
    """Places that a family was offered; while there is no outcome they are held for it.

    The held places are the appointments with its group_id.
    """

    entry = models.ForeignKey(WaitlistEntry, models.PROTECT, related_name="offers")
    booking = models.ForeignKey(
        Booking, models.PROTECT, related_name="offers", help_text="Of the first of the places."
    )
    group_id = models.CharField(max_length=32, unique=True, default=new_id)
    places = models.PositiveSmallIntegerField()
    freed_at = models.DateTimeField(
        help_text="UTC; when the place became free, before it was first offered to anybody."
    )
    until = models.DateTimeField(help_text="UTC; until when it was held for them.")
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        db_index=False,
        help_text="Who of the staff; empty where it was their turn.",
    )
    made_at = models.DateTimeField(help_text="UTC.")
    outcome = models.CharField(  # noqa: DJ001  # null while it is open: one such for each entry
        max_length=10, choices=OfferOutcome, null=True
    )
    ended_at = models.DateTimeField(null=True, help_text="UTC.")

    objects = WaitlistOfferQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                name="waitlist_offer_one_at_a_time",
                fields=["entry"],
                condition=Q(outcome__isnull=True),
                violation_error_message="This family has an offer already.",
            ),
            models.CheckConstraint(
                name="waitlist_offer_ended",
                condition=Q(outcome__isnull=True, ended_at__isnull=True)
                | Q(outcome__in=OfferOutcome.values, ended_at__isnull=False),
            ),
            models.CheckConstraint(name="waitlist_offer_ends", condition=Q(until__gt=F("made_at"))),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.outcome or 'open'}"

    @property
    def held(self) -> "models.QuerySet[Appointment]":
        """The appointments of its places, in the order of their times."""
        rows = Appointment.objects.filter(group_id=self.group_id)
        rows = rows.select_related("booking__location", "booking__doctor", "booking__practice")
        return rows.order_by("booking__start_datetime", "created_at", "id")


class EntryAct(models.TextChoices):
    JOINED = "joined", "Joined"
    CHANGED = "changed", "Changed what they want"
    PUT_FIRST = "put_first", "Put first"
    PUT_BACK = "put_back", "Put back in order"
    PAUSED = "paused", "Paused"
    RESUMED = "resumed", "Resumed"
    BOOKED = "booked", "Booked"
    LEFT = "left", "Left the list"
    ENDED = "ended", "Ended"


class WaitlistEvent(models.Model):
    """One change of an entry, saved with the change and never altered."""

    entry = models.ForeignKey(WaitlistEntry, models.PROTECT, related_name="events")
    act = models.CharField(max_length=9, choices=EntryAct)
    at = models.DateTimeField(help_text="UTC.")
    actor = models.CharField(max_length=7, choices=ActorKind)
    api_key = models.ForeignKey(ApiKey, models.PROTECT, null=True, related_name="+", db_index=False)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", db_index=False
    )

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                name="waitlist_event_actor_known",
                condition=Q(actor=ActorKind.PARTNER, api_key__isnull=False, user__isnull=True)
                | Q(actor=ActorKind.STAFF, user__isnull=False, api_key__isnull=True)
                | Q(
                    actor__in=[ActorKind.PATIENT, ActorKind.CLOCK],
                    api_key__isnull=True,
                    user__isnull=True,
                ),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.entry_id}: {self.act}"


class WaitlistLink(models.Model):
    """A link to an entry, as `ManageLink` is one to an appointment."""

    digest = models.CharField(
        primary_key=True, max_length=64, help_text="SHA-256 of the token, in hexadecimal."
    )
    entry = models.ForeignKey(WaitlistEntry, models.CASCADE, related_name="manage_links")

    def __str__(self) -> str:
        return self.entry_id
