"""The calendar part of mail, read back as calendars read it: by icalendar, and by ical.js.

ical.js (MPL 2.0, a file of its npm package, unaltered) runs in Chromium: nothing else here needs
Node.js.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from icalendar import Calendar

from bookings.booking_page import calendar
from bookings.models import Appointment, TaskKind
from tests.chromium import running_chromium
from tests.conftest import only_once_on_sqlite
from tests.factories import NOON
from tests.messages.mails import MailScene, a_mail, mail_of, part

ICAL_JS = Path(__file__).parent / "ical.js-2.2.1" / "ical.min.js"
READ = """async ([library, files]) => {
  const {default: ICAL} = await import(URL.createObjectURL(new Blob([library], {type: "text/javascript"})));
  return files.map(file => {
    const whole = new ICAL.Component(ICAL.parse(file));
    whole.getAllSubcomponents("vtimezone").forEach(each => ICAL.TimezoneService.register(each));
    const [entry] = whole.getAllSubcomponents("vevent"), event = new ICAL.Event(entry);
    ICAL.TimezoneService.reset();
    const said = name => entry.getAllProperties(name).map(each => each.getFirstValue());
    const at = time => time.isDate ? time.toString() : time.toJSDate().toISOString();
    return {
      method: whole.getFirstPropertyValue("method"), uid: event.uid, sequence: said("sequence"),
      status: said("status"), from: at(event.startDate), to: at(event.endDate),
      organizer: said("organizer"), attendee: said("attendee"), alarms: entry.getAllSubcomponents("valarm").length,
    };
  });
}"""  # noqa: E501  # a script
ZONES = ["America/New_York", "America/Phoenix", "America/Chicago", "Pacific/Honolulu"]
CHANGES = [date(2026, 11, 1), date(2027, 3, 14)]
"""The days in the United States on which clocks change."""


def by_ical_js(files: Iterable[str]) -> list[dict[str, Any]]:
    with running_chromium() as browser:
        read = browser.new_page().evaluate(READ, [ICAL_JS.read_text(), [*files]])
    assert isinstance(read, list)
    return read


def by_icalendar(file: str) -> dict[str, Any]:
    """Return what ical.js would, if both understand a file alike."""
    whole: Any = Calendar.from_ical(file)
    (event,) = whole.events
    return {
        "method": str(whole["METHOD"]),
        "uid": str(event["UID"]),
        "sequence": [event["SEQUENCE"]],
        "status": [str(event["STATUS"])],
        "from": _text(whole, event.start),
        "to": _text(whole, event.end),
        "organizer": [str(event["ORGANIZER"])],
        "attendee": [str(event["ATTENDEE"])],
        "alarms": len(event.walk("VALARM")),
    }


def _text(whole: Any, at: date) -> str:
    """Return an instant by the file's own time zone, as JavaScript writes it."""
    if not isinstance(at, datetime):
        return at.isoformat()
    zones = {zone.tz_name: zone.to_tz() for zone in whole.timezones}
    zone = zones.get(getattr(at.tzinfo, "key", ""))
    return _utc(at if zone is None else at.replace(tzinfo=zone))


def _utc(instant: datetime) -> str:
    return f"{instant.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.000Z"


CALENDAR_KINDS = {
    TaskKind.BOOKED: ("REQUEST", "CONFIRMED", 0),
    TaskKind.RESERVED: ("REQUEST", "TENTATIVE", 0),
    TaskKind.TIME_GIVEN: ("REQUEST", "CONFIRMED", 2),
    TaskKind.MOVED: ("REQUEST", "CONFIRMED", 1),
    TaskKind.CANCELLED: ("CANCEL", "CANCELLED", 1),
}


@only_once_on_sqlite
def test_each_kind_has_the_part_that_calendars_update_their_entry_by(db: None, clock: Any) -> None:
    files, expected = [], []
    for kind, (method, status, sequence) in CALENDAR_KINDS.items():
        visit, task = a_mail(kind, "en", clock)
        mail = mail_of(task)
        first, second = (each for each in mail.walk() if each.get_content_type() == "text/calendar")
        assert first.get_param("method") == second.get_param("method") == method
        assert (first.get_filename(), second.get_filename()) == (None, "invite.ics")
        # The attachment is byte for byte what was made, with the line ends of RFC 5545.
        assert second.get_payload(decode=True) == first.get_payload(decode=True)
        file = part(mail, "text/calendar")
        assert file.index("\nMETHOD:") < file.index("\nBEGIN:")
        files.append(file)
        visit.refresh_from_db()
        begins = visit.exact_time or visit.booking.start_datetime
        assert begins is not None
        is_timed = visit.exact_time is not None
        expected.append(
            {
                "method": method,
                "uid": f"{visit.pk}@{visit.booking.practice_id}.openchair",
                "sequence": [sequence],
                "status": [status],
                "from": _utc(begins) if is_timed else "2026-06-02",
                "to": _utc(begins + timedelta(hours=1)) if is_timed else "2026-06-03",
                "organizer": ["mailto:openchair@localhost"],
                "attendee": ["mailto:park@example.org"],
                "alarms": 0,
            }
        )
        del visit
    assert [by_icalendar(file) for file in files] == expected
    assert by_ical_js(files) == expected


@only_once_on_sqlite
def test_around_both_clock_changes_every_calendar_reads_the_right_instant(
    db: None, clock: Any
) -> None:
    """The hour that clocks show twice, too."""
    files, expected = [], []
    for timezone in ZONES:
        scene = MailScene(timezone=timezone)
        for day in CHANGES:
            night = datetime.combine(day, datetime.min.time(), ZoneInfo(timezone))
            for minutes in (-720, 30, 90, 150, 210, 720, 2160):
                at = night.astimezone(UTC) + timedelta(minutes=minutes)
                files.append(_invitation(scene.take(start_datetime=at)))
                expected.append((_utc(at), _utc(at + timedelta(hours=1))))
    assert [(each["from"], each["to"]) for each in map(by_icalendar, files)] == expected
    assert [(each["from"], each["to"]) for each in by_ical_js(files)] == expected


def _invitation(visit: Appointment) -> str:
    organizer = ("Acme", "visits@example.org")
    found = calendar.invitation(
        visit, link="http://x/", now=NOON, organizer=organizer, attendee="park@example.org"
    )
    assert found is not None
    return found[1].decode()


@pytest.mark.parametrize("address", ["a?subject=x@example.org", "a%b&c;d@example.org"])
def test_an_address_is_nothing_else_in_the_url_of_the_attendee(
    db: None, clock: Any, address: str
) -> None:
    (event,) = Calendar.from_ical(_invitation(MailScene(email=address).take())).events
    assert dict(event["ATTENDEE"].params) == {"PARTSTAT": "ACCEPTED", "RSVP": "FALSE"}
    assert event["CLASS"] == "PRIVATE"
