"""Time zones as a person chooses them: those of the United States by their usual names first."""

from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django import forms

_US = {
    "America/New_York": "Eastern (New York)",
    "America/Chicago": "Central (Chicago)",
    "America/Denver": "Mountain (Denver)",
    "America/Phoenix": "Arizona (Phoenix)",
    "America/Los_Angeles": "Pacific (Los Angeles)",
    "America/Anchorage": "Alaska (Anchorage)",
    "Pacific/Honolulu": "Hawaii (Honolulu)",
    "America/Puerto_Rico": "Atlantic (Puerto Rico)",
    "Pacific/Guam": "Guam",
}
_REGIONS = (
    *("Africa", "America", "Antarctica", "Asia"),
    *("Atlantic", "Australia", "Europe", "Indian", "Pacific"),
)


@cache
def _others() -> tuple[tuple[str, str], ...]:
    names = (name for name in available_timezones() if name.startswith(_REGIONS))
    return tuple((name, in_words(name)) for name in sorted(names) if name not in _US)


def in_words(name: str) -> str:
    """Name a time zone for people: Central (Chicago), or Europe/Isle of Man."""
    return _US.get(name) or name.replace("_", " ")


class TimeZoneField(forms.TypedChoiceField):
    """A choice of a time zone; one that is stored, but not offered, can be kept."""

    def __init__(self, *, empty: str = "Choose…", kept: str = "", **kwargs: Any) -> None:
        groups = [
            ("", empty),
            ("United States", [*_US.items()]),
            ("All others", [*_others()]),
        ]
        if kept and kept not in {*_US, *dict(_others())}:
            groups.insert(1, (kept, kept))
        super().__init__(choices=groups, label="Time zone", **kwargs)
