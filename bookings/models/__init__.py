"""Models: bookings, their appointments, series, events, tasks, mail, accesses to patients."""

from bookings.models.access import Access
from bookings.models.appointment import (
    ATTRIBUTION,
    BOOKED,
    TAKEN,
    Appointment,
    AppointmentStatus,
    Attendance,
    ExternalStatus,
    Language,
    Read,
    read_by,
)
from bookings.models.booking import Booking, Status
from bookings.models.calendar_link import CalendarLink
from bookings.models.call import Call
from bookings.models.delivery import Delivery, DropReason, Outcome, ReminderOptOut
from bookings.models.event import ActorKind, Event, Feed
from bookings.models.manage_link import ManageLink
from bookings.models.patient_hold import PatientHold
from bookings.models.proposal import Proposal, ProposalOutcome, ProposedTime
from bookings.models.search_term import SearchTerm
from bookings.models.series import LONGEST, MOST_PLACES, Series
from bookings.models.task import Queue, Task, TaskKind, TaskStatus
from bookings.models.waitlist import (
    ON_LIST,
    WEEKDAYS,
    EntryAct,
    EntryStatus,
    OfferOutcome,
    Waitlist,
    WaitlistEntry,
    WaitlistEvent,
    WaitlistLink,
    WaitlistOffer,
)
from bookings.models.webhook import (
    SUBSCRIBED,
    DeliveryStatus,
    OffReason,
    Webhook,
    WebhookDelivery,
    WebhookPosition,
    WebhookType,
)

__all__ = [
    "ATTRIBUTION",
    "BOOKED",
    "LONGEST",
    "MOST_PLACES",
    "ON_LIST",
    "SUBSCRIBED",
    "TAKEN",
    "WEEKDAYS",
    "Access",
    "ActorKind",
    "Appointment",
    "AppointmentStatus",
    "Attendance",
    "Booking",
    "CalendarLink",
    "Call",
    "Delivery",
    "DeliveryStatus",
    "DropReason",
    "EntryAct",
    "EntryStatus",
    "Event",
    "ExternalStatus",
    "Feed",
    "Language",
    "ManageLink",
    "OffReason",
    "OfferOutcome",
    "Outcome",
    "PatientHold",
    "Proposal",
    "ProposalOutcome",
    "ProposedTime",
    "Queue",
    "Read",
    "ReminderOptOut",
    "SearchTerm",
    "Series",
    "Status",
    "Task",
    "TaskKind",
    "TaskStatus",
    "Waitlist",
    "WaitlistEntry",
    "WaitlistEvent",
    "WaitlistLink",
    "WaitlistOffer",
    "Webhook",
    "WebhookDelivery",
    "WebhookPosition",
    "WebhookType",
    "read_by",
]
