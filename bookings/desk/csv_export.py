"""CSV export of bookings, safe from formula injection in spreadsheets."""

import csv
import unicodedata
from collections.abc import Iterable, Iterator

from django.db.models import QuerySet
from django.http import HttpResponse

from bookings import walltime
from bookings.desk import labels, times
from bookings.desk.times import Time
from bookings.models import Appointment, Booking

COLUMNS = (
    "id",
    "status",
    "starts (local time)",
    "time zone",
    "minutes",
    "location",
    "doctor",
    "places",
    "on hold",
    "need a time",
    "booked",
)
# What Excel, LibreOffice and Google Sheets treat as the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def cell(value: object) -> str:
    """Return a value as text, with an apostrophe before what would be a formula."""
    text = str(value)
    # NFKC makes full-width signs plain ones: Excel reads them as such in some countries.
    begins = unicodedata.normalize("NFKC", text).lstrip(" ")
    return f"'{text}" if begins.startswith(_FORMULA) else text


def _written(time: Time) -> str:
    wall = walltime.wall_clock(time.at, time.zone)
    return f"{wall:%Y-%m-%d} {time.part or format(wall, '%H:%M')}"


def download(
    filename: str, columns: Iterable[str], rows: Iterable[Iterable[object]]
) -> HttpResponse:
    """Return a CSV download of these rows."""
    response = HttpResponse(content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{filename}"'
    response.write("\ufeff")  # without it Excel reads UTF-8 as something else
    writer = csv.writer(response)
    writer.writerow(columns)
    for row in rows:
        writer.writerow(cell(value) for value in row)
    return response


def bookings_csv(bookings: QuerySet[Booking]) -> HttpResponse:
    """Return a CSV download of bookings, which must be prefetched with times.WITH_TIMED."""
    return download("openings.csv", COLUMNS, _rows(bookings))


def _rows(bookings: QuerySet[Booking]) -> Iterator[tuple[object, ...]]:
    for booking in bookings.select_related("location", "doctor", "practice"):
        zone = booking.location.zone
        timed: list[Appointment] = booking.timed  # type: ignore[attr-defined]  # WITH_TIMED
        starts = times.of_booking(booking, timed, zone, booking.practice.kind)
        yield (
            booking.pk,
            labels.STATUS[booking.status],
            "; ".join(map(_written, starts)),
            zone.key,
            booking.length,
            booking.location.name,
            booking.doctor.name,
            booking.total_appointments,
            booking.places_pending,
            booking.places_reserved,
            booking.places_booked,
        )
