"""What no page of the desk says: words of the API, ids, other formats of dates and times."""

import re
from typing import Any

from bookings.models import Booking
from bookings.scheduling import appointments
from bookings.scheduling.waitlist import entries
from practices.models import OwnSystem
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, browser, forms, said
from tests.factories import NOON
from tests.waitlist.families import join

pytestmark = only_once_on_sqlite

PAGES = """
    board/?day=2026-06-02 board/?view=week board/?view=month sheet/?day=2026-06-02 hub/ find/
    calls/ patients/ openings/ weekly/ history/ next-free/ new-opening/ publish/ close/ ranges/
    numbers/ online-booking/ online-booking/poster/ mail/ not-entered/ calendars/
    opening/{0}/ opening/{0}/edit/ place/{1}/ place/{1}/cancel/ waiting-list/ waiting-list/add/
    waiting-list/free/ waiting-list/family/{2}/ waiting-list/family/{3}/
"""
OF_REQUESTS = "ranges/{1}/propose/"
WRONG = {
    "a word of the API": r"(?i)\bappointments?\b|\bbooking_|_id\b|\bpending\b|\brange desk\b",
    "a word of programs": r"(?i)\bsuccessfully\b|\byielded\b|\bplease\b|\bto change\b",
    "no local time": r"\bUTC\b",
    "a date of machines": r"\b20\d\d-\d\d-\d\d",
    "a 24-hour clock": r"\b(?:0\d|1[3-9]|2[0-3]):[0-5]\d\b",
    "a time as Django writes it": r"\b[ap]\.m\.",
    "an icon's name": r"\bchevron_|\barrow_",
}


def test_every_page_has_the_words_dates_and_times_of_the_desk(
    house: House, range_house: House
) -> None:
    for each in (house, range_house):
        desk = browser(each.staff)
        Booking.objects.filter(pk=each.booking.pk).update(recurring=True)
        OwnSystem.objects.create(practice=each.practice, partner=each.partner)
        failed: Any = {"external_status": "failed", "external_reason": "No column."}
        appointments.edit(
            appointment_id=each.appointment.pk, fields=failed, by=each.actor, now=NOON
        )
        for page in ("mail/", "online-booking/"):
            (form,) = [of for of in forms(desk.get(each.address(page))) if "seen" in of]
            desk.post(each.address(page), {**form, "text_en": "Bring your card."})
        offered, paused = join(each.practice, "Ada"), join(each.practice, "Ben")
        entries.pause(entry_id=paused.pk, by=each.actor, now=NOON)
        ids = (each.booking.pk, each.appointment.pk, offered.pk, paused.pk)
        pages = PAGES + (OF_REQUESTS if each is range_house else "")
        for page in pages.format(*ids).split():
            answer = desk.get(each.address(page))
            text = said(answer)
            assert answer.status_code == 200, page
            for what, wrong in WRONG.items():
                found = re.search(wrong, text)
                assert found is None, f"{page} has {what}: {text[found.start() - 40 : found.end()]}"
            assert not {*ids} & {*text.split()}, page
