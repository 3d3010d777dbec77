"""Demo data: three practices with two weeks of bookings, partners with API keys, staff logins.

Existing rows are left as they are, so it can be run again; keys and passwords are new every time.
"""

import secrets
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.contrib.auth import get_user_model
from django.db import transaction
from django.utils import timezone

from bookings import walltime
from bookings.models import Appointment, AppointmentStatus, Booking, Status
from bookings.scheduling import appointments, bookings
from bookings.scheduling.actors import Actor
from bookings.scheduling.bookings import Fields
from practices.models import ApiKey, Doctor, Kind, Location, Membership, Partner, Practice

DAYS = 14
KEY_LASTS = timedelta(days=30)


@dataclass(frozen=True)
class Office:
    id: str
    name: str
    street_address: str
    phone: str
    latitude: float
    longitude: float


@dataclass(frozen=True)
class Group:
    """A practice; ids and names are those of the published samples where these have any."""

    id: str
    name: str
    kind: Kind
    city: str
    state: str
    zip: str
    timezone: str
    offices: tuple[Office, Office]
    doctors: dict[str, str]


GROUPS = {
    "exact": Group(
        "rtGB2",
        "Acme Orthodontic Group",
        Kind.EXACT,
        "New York",
        "New York",
        "10016",
        "America/New_York",
        (
            Office("b2rGH", "Chesterfield", "1234 Main Street", "555 555 5555", 40.745, -73.978),
            Office(
                "HK295", "Hudson Heights", "801 W 181st Street", "212 555 0148", 40.851, -73.939
            ),
        ),
        {"DD3456": "Dr. Elena Reyes", "DD3457": "Dr. Samuel Okafor", "DD3458": "Dr. Mia Lindqvist"},
    ),
    "range": Group(
        "3rt42",
        "ABC 123 Orthodontics",
        Kind.RANGE,
        "Chicago",
        "Illinois",
        "60614",
        "America/Chicago",
        (
            Office("dr556", "Hyde Park", "1525 E 53rd Street", "773 555 0162", 41.799, -87.588),
            Office("rfW2X", "Lincoln Park", "2230 N Clark Street", "312 555 0117", 41.922, -87.638),
        ),
        {"DR7001": "Dr. Priya Natarajan", "DR7002": "Dr. Thomas Keller"},
    ),
    "ungranted": Group(
        "uG7kq",
        "Harbor Smiles Orthodontics",
        Kind.EXACT,
        "New York",
        "New York",
        "11201",
        "America/New_York",
        (
            Office("hs001", "Brooklyn Heights", "88 Court Street", "718 555 0190", 40.692, -73.991),
            Office("hs002", "Red Hook", "351 Van Brunt Street", "718 555 0133", 40.677, -74.013),
        ),
        {"DH8801": "Dr. Grace Adeyemi"},
    ),
}

EXACT_TIMES = (
    time(9),
    time(9, 45),
    time(10, 30),
    time(11, 15),
    time(13, 30),
    time(14, 15),
    time(15),
)
RANGE_TIMES = (time(8, 30), time(10, 30), time(13), time(15))

# Invented people; 555-01xx numbers are reserved for fiction.
PATIENTS = (
    ("Maya", "Fontaine", "212 555 0101", "", "Hoping for a check before school starts."),
    ("Theo", "Marchetti", "212 555 0107", "Lucia Marchetti", ""),
    ("Ines", "Okonkwo", "917 555 0112", "", "Second opinion on clear aligners."),
    ("Jonah", "Whitlock", "646 555 0119", "Sara Whitlock", "Any time after the dentist at noon."),
    ("Priscilla", "Aldana", "773 555 0124", "", ""),
    ("Kofi", "Bergstrom", "312 555 0131", "Anna Bergstrom", "Twins: his sister comes too."),
    ("Lena", "Haddad", "312 555 0145", "", "Prefers to be called before 9."),
    ("Oscar", "Villaseca", "718 555 0153", "", ""),
)

PARTNERS = {
    # name of the key: partner's id, its name, special authorization, practices granted
    "full": ("demoFull", "OrthoDesk (demo)", True, ("exact", "range")),
    "read_only": ("demoRead", "Smile Finder website (demo)", False, ()),
    "exact_only": ("demoExact", "Acme front office system (demo)", True, ("exact",)),
    # Owns the bookings of the practice that no other partner is granted; its key is not returned.
    "harbor": ("demoHarbr", "Harbor front office system (demo)", True, ("ungranted",)),
    "other_partner": ("demoOther", "BrightCall call centre (demo)", True, ("exact", "range")),
}


def exists() -> bool:
    """Whether the database has the demo's practices."""
    return Practice.objects.filter(pk=GROUPS["exact"].id).exists()


@transaction.atomic
def make() -> dict[str, Any]:
    """Create the demo data; return its ids, keys and passwords (contract, section 5)."""
    now = walltime.now()
    practices = {name: _practice(group) for name, group in GROUPS.items()}
    partners = {name: _partner(name, practices) for name in PARTNERS}
    logins = {
        "exact": _person("demo-acme", practices["exact"]),
        "range": _person("demo-abc", practices["range"]),
        "operator": operator(),
    }
    # Staff own the demo's holds, so that a partner's whole limit of holds can be tried out.
    staff = Actor.of_staff(get_user_model().objects.get(username=logins["operator"]["username"]))
    for name, practice in practices.items():
        owner = partners["harbor" if name == "ungranted" else "full"]
        key, _ = ApiKey.objects.issue(owner, label="demo data", expires_at=now + KEY_LASTS)
        _publish_days(name, by=Actor.of_key(key), staff=staff, now=now)
        _patients(practice, by=Actor.of_key(key), staff=staff, now=now)
    return {
        "practices": {
            name: {
                "id": group.id,
                "locations": [office.id for office in group.offices],
                "doctors": list(group.doctors),
            }
            for name, group in GROUPS.items()
        },
        "keys": _keys(partners),
        "staff": logins,
    }


def _practice(group: Group) -> Practice:
    practice, _ = Practice.objects.get_or_create(
        pk=group.id, defaults={"name": group.name, "kind": group.kind}
    )
    locations = [
        Location.objects.get_or_create(
            pk=office.id,
            defaults={
                "practice": practice,
                "name": office.name,
                "office_phone": office.phone,
                "street_address": office.street_address,
                "city": group.city,
                "state": group.state,
                "zip": group.zip,
                "timezone": group.timezone,
                "latitude": office.latitude,
                "longitude": office.longitude,
            },
        )[0]
        for office in group.offices
    ]
    for doctor_id, name in group.doctors.items():
        doctor, is_new = Doctor.objects.get_or_create(
            pk=doctor_id, defaults={"practice": practice, "name": name}
        )
        if is_new:
            doctor.locations.set(locations)
    return practice


def _partner(name: str, practices: dict[str, Practice]) -> Partner:
    partner_id, title, authorized, granted = PARTNERS[name]
    partner, is_new = Partner.objects.get_or_create(
        pk=partner_id, defaults={"name": title, "special_authorization": authorized}
    )
    if is_new:
        partner.practices.set([practices[grant] for grant in granted])
    return partner


def issue_key(name: str, label: str) -> str:
    """Issue an API key of a partner in PARTNERS, valid for KEY_LASTS; return its text."""
    partner = Partner.objects.get(pk=PARTNERS[name][0])
    expires_at = timezone.now() + KEY_LASTS
    return ApiKey.objects.issue(partner, label=label, expires_at=expires_at)[1]


def _keys(partners: dict[str, Partner]) -> dict[str, str]:
    texts = {name: issue_key(name, "demo") for name in PARTNERS if name != "harbor"}
    texts["full_second"] = issue_key("full", "demo, second")
    now = timezone.now()
    revoked, texts["revoked"] = ApiKey.objects.issue(partners["full"], label="demo, revoked")
    revoked.revoked_at = now
    expired, texts["expired"] = ApiKey.objects.issue(partners["full"], label="demo, expired")
    expired.created_at = now - timedelta(days=2)
    expired.expires_at = now - timedelta(days=1)
    ApiKey.objects.bulk_update([revoked, expired], ["revoked_at", "created_at", "expires_at"])
    return texts


def _person(username: str, practice: Practice) -> dict[str, str]:
    login = _account(username, is_superuser=False)
    user = get_user_model().objects.get(username=username)
    Membership.objects.get_or_create(user=user, practice=practice)
    return login


def operator() -> dict[str, str]:
    """Set a new password for the demo's superuser, who is created if missing; return the login."""
    return _account("demo-operator", is_superuser=True)


def _account(username: str, *, is_superuser: bool) -> dict[str, str]:
    password = secrets.token_urlsafe(12)
    user, _ = get_user_model().objects.get_or_create(username=username)
    user.is_staff = True
    user.is_superuser = is_superuser
    user.set_password(password)
    user.save()
    return {"username": username, "password": password}


def _publish_days(name: str, *, by: Actor, staff: Actor, now: datetime) -> None:
    group = GROUPS[name]
    for nth, office in enumerate(group.offices):
        location = Location.objects.get(pk=office.id)
        today = walltime.wall_clock(now, location.zone).date()
        for day in (today + timedelta(days=days) for days in range(DAYS)):
            if day.weekday() < 5 and not _has_bookings(location, day):
                _publish_day(group, location, day, nth, by=by, staff=staff, now=now)
        if name == "exact" and nth == 0:
            _publish_weekly(group, location, today, by=by, now=now)


def _has_bookings(location: Location, day: date) -> bool:
    return Booking.objects.on_local_days([location], day, day).filter(series=None).exists()


def _publish_day(
    group: Group,
    location: Location,
    day: date,
    nth: int,
    *,
    by: Actor,
    staff: Actor,
    now: datetime,
) -> None:
    """Publish one day's bookings: doctors alternate, and the first days have more places taken."""
    doctors = list(group.doctors)
    days_ahead = (day - walltime.wall_clock(now, location.zone).date()).days
    for slot, wall in enumerate(RANGE_TIMES if group.kind == Kind.RANGE else EXACT_TIMES):
        start = walltime.occurrence(day, wall, location.zone)
        fields: Fields = {
            "location_id": location.pk,
            "doctor_id": doctors[(day.toordinal() + slot + nth) % len(doctors)],
            "start_datetime": start,
            "length": 60 if group.kind == Kind.RANGE else 45,
            "total_appointments": 3 if slot == 1 else 1,
        }
        status = _status(group.kind, (day.toordinal() * 7 + slot * 3 + nth) % 10, days_ahead)
        if status != Status.PENDING:
            fields["status"] = status
        booking = bookings.publish(fields=fields, by=by, now=now)
        if status == Status.PENDING:
            bookings.edit(booking_id=booking.pk, fields={"status": status}, by=staff, now=now)


def _status(kind: Kind, draw: int, days_ahead: int) -> str:
    if draw == 0 and days_ahead < 5:
        return Status.PENDING
    if draw < 5 - days_ahead // 2:
        return Status.RESERVED if kind == Kind.RANGE and draw % 2 else Status.BOOKED
    return Status.OPEN


def _patients(practice: Practice, *, by: Actor, staff: Actor, now: datetime) -> None:
    """Make appointments in the first open bookings, unless the practice has any."""
    if Appointment.objects.filter(booking__practice=practice).exists():
        return
    free = Booking.objects.filter(practice=practice, status=Status.OPEN, start_datetime__gt=now)
    for nth, booking in enumerate(free.order_by("start_datetime", "id")[: len(PATIENTS)]):
        first, last, phone, guardian, message = PATIENTS[nth]
        fields: appointments.Fields = {
            "first_name": first,
            "last_name": last,
            "phone": phone,
            "guardian_name": guardian,
            "message": message,
            "status": AppointmentStatus.PENDING if nth == 3 else AppointmentStatus.BOOKED,
        }
        if practice.kind == Kind.RANGE and nth % 2 == 0:
            fields["status"] = AppointmentStatus.RESERVED
        elif practice.kind == Kind.RANGE and fields["status"] == AppointmentStatus.BOOKED:
            assert booking.start_datetime is not None
            fields["start_datetime"] = booking.start_datetime + timedelta(minutes=15)
        holds = fields["status"] == AppointmentStatus.PENDING
        appointments.take(booking_id=booking.pk, fields=fields, by=staff if holds else by, now=now)


def _publish_weekly(
    group: Group, location: Location, today: date, *, by: Actor, now: datetime
) -> None:
    """Publish one series, on Saturday mornings, unless the location has one."""
    if Booking.objects.filter(location=location, recurring=True).exists():
        return
    saturday = today + timedelta(days=(5 - today.weekday()) % 7 or 7)
    fields: Fields = {
        "location_id": location.pk,
        "doctor_id": next(iter(group.doctors)),
        "start_datetime": walltime.occurrence(saturday, time(9, 30), location.zone),
        "length": 60,
        "total_appointments": 2,
        "recurring": True,
    }
    bookings.publish(fields=fields, by=by, now=now)
