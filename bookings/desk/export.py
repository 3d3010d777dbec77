"""CSV of what is in view, which a spreadsheet reads as text and never as a formula."""

import csv
import unicodedata
from collections.abc import Iterable

from django.http import HttpResponse

from bookings import walltime
from bookings.desk import labels
from bookings.models import Booking

COLUMNS = (
    "id",
    "status",
    "starts (office time)",
    "time zone",
    "minutes",
    "location",
    "doctor",
    "places",
    "on hold",
    "need a time",
    "booked",
)
# What Excel, LibreOffice and Google Sheets take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: object) -> str:
    """Write a value so that it is text: an apostrophe before what would be a formula."""
    text = str(value)
    # Full-width signs, which Excel reads in some countries, become plain ones first.
    begins = unicodedata.normalize("NFKC", text).lstrip(" ")
    return f"'{text}" if begins.startswith(_FORMULA) else text


def openings_csv(bookings: Iterable[Booking]) -> HttpResponse:
    """Give openings, read with location and doctor, as a file to download."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="openings.csv"'
    response.write("\ufeff")  # without it Excel reads UTF-8 as something else
    writer = csv.writer(response)
    writer.writerow(COLUMNS)
    for booking in bookings:
        zone = booking.location.zone
        start = booking.start_datetime
        values = (
            booking.pk,
            labels.STATUS[booking.status],
            "" if start is None else f"{walltime.wall_clock(start, zone):%Y-%m-%d %H:%M}",
            zone.key,
            booking.length,
            booking.location.name,
            booking.doctor.name,
            booking.total_appointments,
            booking.places_pending,
            booking.places_reserved,
            booking.places_booked,
        )
        writer.writerow(cell(value) for value in values)
    return response
