"""The demo's practices, with their locations and doctors, and its partners."""

from dataclasses import dataclass

from practices.models import BookingPage, Doctor, Kind, Location, Partner, Practice


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
    """A practice; ids and names are those of the published samples where these have any.

    booking_page: fields of its BookingPage; None: patients do not book by themselves.
    """

    id: str
    name: str
    kind: Kind
    city: str
    state: str
    state_code: str
    zip: str
    timezone: str
    offices: tuple[Office, Office]
    doctors: dict[str, str]
    booking_page: dict[str, str | int] | None = None


GROUPS = {
    "exact": Group(
        "rtGB2",
        "Acme Orthodontic Group",
        Kind.EXACT,
        "New York",
        "New York",
        "NY",
        "10016",
        "America/New_York",
        (
            Office("b2rGH", "Chesterfield", "1234 Main Street", "555 555 5555", 40.745, -73.978),
            Office(
                "HK295", "Hudson Heights", "801 W 181st Street", "212 555 0148", 40.851, -73.939
            ),
        ),
        {"DD3456": "Dr. Elena Reyes", "DD3457": "Dr. Samuel Okafor", "DD3458": "Dr. Mia Lindqvist"},
        {
            "text_en": "The first visit is free and takes 45 minutes. Bring your insurance card.",
            "text_es": "La primera visita es gratis y dura 45 minutos. Traiga la tarjeta de su "
            "seguro.",
        },
    ),
    "range": Group(
        "3rt42",
        "ABC 123 Orthodontics",
        Kind.RANGE,
        "Chicago",
        "Illinois",
        "IL",
        "60614",
        "America/Chicago",
        (
            Office("dr556", "Hyde Park", "1525 E 53rd Street", "773 555 0162", 41.799, -87.588),
            Office("rfW2X", "Lincoln Park", "2230 N Clark Street", "312 555 0117", 41.922, -87.638),
        ),
        {"DR7001": "Dr. Priya Natarajan", "DR7002": "Dr. Thomas Keller"},
        {
            "text_en": "The first visit is free. Parking is behind the building.",
            "text_es": "La primera visita es gratis. El estacionamiento está detrás del edificio.",
            "promise_en": "by noon the next business day",
            "promise_es": "antes del mediodía del próximo día hábil",
            "promise_hours": 24,
        },
    ),
    "ungranted": Group(
        "uG7kq",
        "Harbor Smiles Orthodontics",
        Kind.EXACT,
        "New York",
        "New York",
        "NY",
        "11201",
        "America/New_York",
        (
            Office("hs001", "Brooklyn Heights", "88 Court Street", "718 555 0190", 40.692, -73.991),
            Office("hs002", "Red Hook", "351 Van Brunt Street", "718 555 0133", 40.677, -74.013),
        ),
        {"DH8801": "Dr. Grace Adeyemi", "DH8802": "Dr. Leo Sandoval"},
    ),
}

_NPI = {"DD3456": "1234567893"}
"""The example of CMS's text on the check digit."""

PARTNERS = {
    # name of the key: partner's id, its name, special authorization, practices granted
    "full": ("demoFull", "OrthoDesk (demo)", True, ("exact", "range")),
    "read_only": ("demoRead", "Smile Finder website (demo)", False, ()),
    "exact_only": ("demoExact", "Acme front office system (demo)", True, ("exact",)),
    # Owns the bookings of the practice that no other partner is granted; its key is not returned.
    "harbor": ("demoHarbr", "Harbor front office system (demo)", True, ("ungranted",)),
    "other_partner": ("demoOther", "BrightCall call center (demo)", True, ("exact", "range")),
}


def practice(group: Group) -> Practice:
    """Return the practice, made with its locations and doctors if it is missing."""
    made, _ = Practice.objects.get_or_create(
        pk=group.id, defaults={"name": group.name, "kind": group.kind}
    )
    locations = [
        Location.objects.get_or_create(
            pk=office.id,
            defaults={
                "practice": made,
                "name": office.name,
                "office_phone": office.phone,
                "street_address": office.street_address,
                "city": group.city,
                "state": group.state,
                "state_code": group.state_code,
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
            pk=doctor_id, defaults={"practice": made, "name": name, "npi": _NPI.get(doctor_id)}
        )
        if is_new:
            doctor.locations.set(locations)
    if group.booking_page is not None:
        BookingPage.objects.get_or_create(
            practice=made, defaults={"active": True, "public_feed": True, **group.booking_page}
        )
    return made


def partner(name: str, practices: dict[str, Practice]) -> Partner:
    """Return the partner of this name in PARTNERS, made if it is missing."""
    partner_id, title, authorized, granted = PARTNERS[name]
    made, is_new = Partner.objects.get_or_create(
        pk=partner_id, defaults={"name": title, "special_authorization": authorized}
    )
    if is_new:
        made.practices.set([practices[grant] for grant in granted])
    return made
