"""The board's week: a column per day, a row per doctor."""

from collections import defaultdict
from datetime import date

from django.utils.safestring import SafeString

from bookings.desk import labels
from bookings.desk.board.entries import Entry
from bookings.desk.board.grid import Cell, Grid, chip, doctors_at, first_start, grid_at, new_url
from bookings.desk.board.query import View
from bookings.desk.desk import Desk
from practices.models import Location


def grid(desk: Desk, view: View, location: Location, entries: list[Entry]) -> Grid:
    doctors = doctors_at(desk, view, location, entries)
    cells: dict[tuple[date, str], list[SafeString]] = defaultdict(list)
    for entry in entries:
        cells[entry.time.day, entry.row.doctor_id].append(chip(desk, entry))
    starts = {day: first_start(desk, location.zone, [day]) for day in view.days}
    rows = [
        (
            doctor.name,
            [
                Cell(
                    add=new_url(desk, location, doctor, starts[day]),
                    label=f"New opening on {labels.day(day)} with {doctor.name}",
                    column=labels.day(day),
                    chips=cells.get((day, doctor.pk), []),
                )
                for day in view.days
            ],
        )
        for doctor in doctors
    ]
    columns = [labels.day(day) for day in view.days]
    return grid_at(desk, view, location, entries, columns=columns, rows=rows)
