"""What a location has to have to be in the public list."""

from practices.models import Location

_NEEDED = {
    "office_phone": "a phone number",
    "street_address": "a street address",
    "city": "a city",
    "state_code": "a two-letter state",
    "zip": "a ZIP code",
}


def lacks(location: Location) -> list[str]:
    """Return what is missing, in people's words; empty where it can be in the list."""
    return [what for name, what in _NEEDED.items() if not (getattr(location, name) or "").strip()]
