"""Django forms of the desk. Dates and times are wall time at the location."""

import re
from datetime import date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.exceptions import ValidationError

from bookings import walltime
from bookings.desk import labels
from bookings.desk.desk import Desk
from bookings.models import LONGEST, MOST_PLACES, Booking
from bookings.representation import time_range
from bookings.scheduling import bookings
from practices.models import Doctor, Location

WEEKDAYS = [
    ("0", "Mon"),
    ("1", "Tue"),
    ("2", "Wed"),
    ("3", "Thu"),
    ("4", "Fri"),
    ("5", "Sat"),
    ("6", "Sun"),
]
_TIME = re.compile(r"(\d{1,2})(?:[:.h](\d\d))?\s*([ap])?\.?(?:m\.?)?", re.ASCII)


def parse_clock(text: str) -> time:
    """Parse a time of day: 9:45, 14:15, 9, 2pm, 2:15 PM. Raises ValueError."""
    form = _TIME.fullmatch(text.strip().lower())
    if form is None:
        raise ValueError
    hour, minute = int(form[1]), int(form[2] or 0)
    if form[3]:
        if not 1 <= hour <= 12:
            raise ValueError
        hour = hour % 12 + (12 if form[3] == "p" else 0)
    return time(hour, minute)


def instant_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the instant of a wall time; the first, if it exists twice.

    Raises ValidationError where the clocks skip it.
    """
    instant = walltime.occurrence(wall.date(), wall.time(), zone)
    if walltime.wall_clock(instant, zone) != wall:
        raise ValidationError(
            f"The clocks go forward that night: {labels.clock(wall)} does not exist on "
            f"{labels.day(wall.date())}. Choose another time."
        )
    return instant


HAS_PASSED = "This time has passed. Choose a later one."


def check_exact(form: forms.Form, name: str, exact: datetime, booking: Booking, desk: Desk) -> bool:
    """Add an error for an exact time that has passed, or is outside the booking's part of the day.

    The latter is allowed where `outside` is ticked. Return whether to offer that checkbox.
    """
    if exact <= desk.now:
        form.add_error(name, HAS_PASSED)
        return False
    zone, asked = booking.location.zone, booking.start_datetime
    if asked is None or form.cleaned_data.get("outside"):
        return False
    wall = walltime.wall_clock(asked, zone)
    same_day = wall.date() == walltime.wall_clock(exact, zone).date()
    part = time_range(asked, zone)
    if same_day and part == time_range(exact, zone):
        return False
    when = labels.day(wall.date()) + (f", {labels.RANGES[part]}" if part else "")
    form.add_error(
        "outside", f"This is outside {when}. Nothing is booked until you check this box."
    )
    return True


class WallTimeField(forms.Field):
    """Date and time input; its value is a naive datetime, wall time at the location."""

    widget = forms.DateTimeInput(
        attrs={"type": "datetime-local", "step": 300}, format="%Y-%m-%dT%H:%M"
    )

    def to_python(self, value: Any) -> datetime | None:
        if not value:
            return None
        try:
            wall = walltime.parse(str(value))
        except walltime.WallTimeError:
            wall = None
        if wall is None or wall.tzinfo is not None or not 1970 < wall.year < 2200:
            raise ValidationError("Enter a date and a time.")
        return wall


class DayField(forms.DateField):
    """Date input, for the years 1971 to 2198: the server knows no others."""

    widget = forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")

    def clean(self, value: Any) -> date | None:
        day: date | None = super().clean(value)
        if day is not None and not 1971 <= day.year <= 2198:
            raise ValidationError("Enter a day between 1971 and 2198.")
        return day


class DeskForm(forms.Form):
    """Base form that limits the choice of locations and doctors to the desk's practice."""

    def __init__(self, desk: Desk, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.desk = desk
        for name, rows in (("location", desk.locations), ("doctor", desk.doctors)):
            field = self.fields.get(name)
            if isinstance(field, forms.ModelChoiceField):
                field.queryset = (
                    type(rows[0]).objects.filter(practice=desk.practice)
                    if rows
                    else (
                        field.queryset.none()  # type: ignore[union-attr]  # a ModelChoiceField has one
                    )
                )
                if field.required and len(rows) == 1:
                    field.initial = rows[0].pk


class BookingForm(DeskForm):
    """Form to create or edit one booking."""

    location = forms.ModelChoiceField(Location.objects.none(), empty_label="Choose")
    doctor = forms.ModelChoiceField(Doctor.objects.none(), empty_label="Choose")
    start = WallTimeField(label="Starts")
    length = forms.IntegerField(
        label="Minutes", min_value=1, max_value=LONGEST, initial=60, required=True
    )
    places = forms.IntegerField(min_value=1, max_value=MOST_PLACES, initial=1)
    recurring = forms.BooleanField(
        label="Every week", required=False, help_text="Repeats at this time until you end it."
    )

    def __init__(self, *args: Any, is_new: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_new = is_new

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        location, doctor = cleaned.get("location"), cleaned.get("doctor")
        if location and doctor and not doctor.locations.filter(pk=location.pk).exists():
            self.add_error(
                "doctor",
                f"{doctor} does not work at {location}. Choose another, or add the location "
                "to the doctor first.",
            )
        if location and cleaned.get("start"):
            try:
                cleaned["instant"] = instant_of(cleaned["start"], location.zone)
            except ValidationError as error:
                self.add_error("start", error)
            else:
                # An edited one may have begun: its length, for example, is corrected afterwards.
                if self.is_new and cleaned["instant"] <= self.desk.now:
                    self.add_error("start", HAS_PASSED)
        return cleaned

    def fields_for_verb(self) -> bookings.Fields:
        """Return the cleaned values as the `fields` of a function in bookings.scheduling."""
        cleaned = self.cleaned_data
        return {
            "location_id": cleaned["location"].pk,
            "doctor_id": cleaned["doctor"].pk,
            "start_datetime": cleaned["instant"],
            "length": cleaned["length"],
            "total_appointments": cleaned["places"],
            "recurring": cleaned["recurring"],
        }


class PublishForm(DeskForm):
    """Form for a pattern of bookings: weekdays and times of day, in a range of dates."""

    location = forms.ModelChoiceField(Location.objects.none(), empty_label="Choose")
    doctor = forms.ModelChoiceField(Doctor.objects.none(), empty_label="Choose")
    weekdays = forms.MultipleChoiceField(
        label="On", choices=WEEKDAYS, widget=forms.CheckboxSelectMultiple
    )
    times = forms.CharField(
        label="At",
        max_length=400,
        help_text="Separate times with commas: 9:00 AM, 9:45 AM, 2:15 PM.",
    )
    length = forms.IntegerField(label="Minutes", min_value=1, max_value=LONGEST, initial=45)
    places = forms.IntegerField(min_value=1, max_value=MOST_PLACES, initial=1)
    first = DayField(label="From")
    last = DayField(
        label="Until", required=False, help_text="Not needed if “Every week” is checked."
    )
    weekly = forms.BooleanField(
        label="Every week, with no end date",
        required=False,
        help_text="The next 12 weeks are published now, later ones automatically.",
    )
    with_clashes = forms.BooleanField(
        label="Publish overlapping times too",
        required=False,
        help_text="Otherwise, times when the doctor has something else are left out.",
    )

    def clean_times(self) -> list[time]:
        found = set()
        for part in re.split(r"[,;\n]+", self.cleaned_data["times"]):
            if not part.strip():
                continue
            try:
                found.add(parse_clock(part))
            except ValueError:
                raise ValidationError(
                    f"“{part.strip()}” is not a time of day. Enter it like 9:45 AM or 2:15 PM."
                ) from None
        if not found:
            raise ValidationError("Enter at least one time, like 9:00 AM.")
        return sorted(found)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        location, doctor = cleaned.get("location"), cleaned.get("doctor")
        if location and doctor and not doctor.locations.filter(pk=location.pk).exists():
            self.add_error("doctor", f"{doctor} does not work at {location}.")
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and not cleaned.get("weekly"):
            if not last and "last" not in self.errors:
                self.add_error("last", "Enter the last day, or check “Every week”.")
            elif last and last < first:
                self.add_error("last", "The last day is before the first. Choose a later one.")
            elif last and last - first > timedelta(days=370):
                self.add_error("last", "Publish up to a year at a time. Choose an earlier day.")
        return cleaned


class CloseManyForm(DeskForm):
    """Form to choose the bookings to close, for example when a doctor is ill."""

    doctor = forms.ModelChoiceField(
        Doctor.objects.none(), required=False, empty_label="All doctors"
    )
    location = forms.ModelChoiceField(
        Location.objects.none(), required=False, empty_label="All locations"
    )
    first = DayField(label="From")
    last = DayField(label="Until", help_text="Includes this day.")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        first, last = cleaned.get("first"), cleaned.get("last")
        if first and last and last < first:
            self.add_error("last", "The last day is before the first. Choose a later one.")
        elif first and last and last - first > timedelta(days=92):
            self.add_error("last", "Close up to three months at a time. Choose an earlier day.")
        return cleaned


class ExactTimeForm(forms.Form):
    """Form for the exact time of an appointment in a range booking."""

    start = WallTimeField(label="Exact time")
    outside = forms.BooleanField(label="The patient agreed to this time", required=False)

    def __init__(self, *args: Any, desk: Desk, booking: Booking, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.desk = desk
        self.booking = booking
        self.ask_outside = False

    def clean_start(self) -> datetime:
        """Return the instant of the wall time."""
        return instant_of(self.cleaned_data["start"], self.booking.location.zone)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if cleaned.get("start"):
            self.ask_outside = check_exact(self, "start", cleaned["start"], self.booking, self.desk)
        return cleaned
