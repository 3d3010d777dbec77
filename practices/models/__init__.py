"""Models: practices with locations, doctors, staff and settings; partners with grants and keys."""

from practices.models.partner import ApiKey, ApiKeyManager, OwnSystem, Partner
from practices.models.practice import (
    Doctor,
    Kind,
    Location,
    Membership,
    Practice,
    validate_npi,
    validate_timezone,
)
from practices.models.settings import (
    ORIGIN,
    BookingPage,
    CalendarSettings,
    MailSettings,
    validate_origins,
)

__all__ = [
    "ORIGIN",
    "ApiKey",
    "ApiKeyManager",
    "BookingPage",
    "CalendarSettings",
    "Doctor",
    "Kind",
    "Location",
    "MailSettings",
    "Membership",
    "OwnSystem",
    "Partner",
    "Practice",
    "validate_npi",
    "validate_origins",
    "validate_timezone",
]
