"""The board's day: a column per doctor, a row per half hour."""

from collections import defaultdict
from datetime import datetime, time

from django.utils.safestring import SafeString

from bookings.desk import labels
from bookings.desk.board.entries import Entry
from bookings.desk.board.grid import SLOT, Cell, Grid, chip, doctors_at, grid_at, new_url
from bookings.desk.board.query import View
from bookings.desk.desk import Desk
from bookings.models import Status
from practices.models import Location

FIRST_SLOT, LAST_SLOT = 8 * 60, 17 * 60  # minutes from midnight, wall time


def grid(desk: Desk, view: View, location: Location, entries: list[Entry]) -> Grid:
    zone = location.zone
    doctors = doctors_at(desk, view, location, entries)
    cells: dict[tuple[int, str], list[SafeString]] = defaultdict(list)
    covered: set[tuple[int, str]] = set()
    slots = {FIRST_SLOT, LAST_SLOT}
    for entry in entries:
        row, wall = entry.row, entry.time.at.astimezone(zone)
        begins = wall.hour * 60 + wall.minute
        slot = begins // SLOT * SLOT
        slots.add(slot)
        cells[slot, row.doctor_id].append(chip(desk, entry))
        if row.status != Status.CLOSED:
            later = range(slot + SLOT, min(begins + row.length, 24 * 60), SLOT)
            covered.update((each, row.doctor_id) for each in later)
    lines = []
    for slot in range(min(slots), max(slots) + SLOT, SLOT):
        start = datetime.combine(view.day, time(slot // 60, slot % 60))
        line = [
            Cell(
                add=new_url(desk, location, doctor, start),
                label=f"New opening at {labels.clock(start)} with {doctor.name}",
                column=doctor.name,
                chips=cells.get((slot, doctor.pk), []),
                covered=(slot, doctor.pk) in covered,
            )
            for doctor in doctors
        ]
        lines.append((labels.clock(start), line))
    columns = [doctor.name for doctor in doctors]
    rows = lines if doctors else []
    return grid_at(desk, view, location, entries, columns=columns, rows=rows)
