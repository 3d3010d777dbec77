"""The desk's page "Mail": settings, an example, where mail goes and what became of it."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from bookings.models import Appointment, Delivery
from practices.models import MailSettings
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, said
from tests.factories import NOON

pytestmark = only_once_on_sqlite
FILLED_IN = {"reminder_3_days": "on", "reminder_1_day": "on"}


@pytest.fixture
def page(house: House) -> str:
    return house.address("mail/")


def test_reminders_are_on_until_they_are_switched_off(
    house: House, desk: Client, page: str
) -> None:
    shown = desk.get(page).content.decode()
    assert shown.count("checked") == 2
    answer = desk.post(page, {"reminder_1_day": "on", "text_es": "Traiga su tarjeta."}, follow=True)
    told = "Reminder 3 days before the visit: yes → no; The same in Spanish: changed"
    assert f"{house.staff} {told}" in said(answer)
    saved = MailSettings.objects.get(practice=house.practice)
    assert (saved.reminder_3_days, saved.reminder_1_day) == (False, True)
    assert "Traiga su tarjeta." in answer.context["examples"][1]["mail"].text


def test_of_two_at_once_the_second_is_told(desk: Client, page: str) -> None:
    seen = desk.get(page).context["seen"]
    desk.post(page, {"seen": seen})
    answer = desk.post(page, {**FILLED_IN, "text_en": "Park behind.", "seen": seen})
    assert answer.status_code == 400
    assert "changed this while you had it open" in said(answer)
    assert "Park behind." in answer.content.decode()
    assert not MailSettings.objects.get().reminder_1_day
    assert LogEntry.objects.filter(content_type__model="mailsettings").count() == 1


def test_a_code_can_be_asked_for_only_where_mail_goes_out(
    desk: Client, page: str, settings: Any
) -> None:
    shown = said(desk.get(page))
    assert "Off. No mail server is set up" in shown
    assert "Ask the operator to set one up first." in shown
    desk.post(page, {**FILLED_IN, "code": "on"})
    assert not MailSettings.objects.get().code
    settings.EMAIL_URL, settings.EMAIL_HOST = {"EMAIL_HOST": "smtp.example"}, "smtp.example"
    settings.EMAIL_FROM = "visits@practice.example"
    shown = said(desk.get(page))
    assert (
        "On. E-mail to patients goes out through the mail server smtp.example, from visits@"
        in shown
    )
    desk.post(page, {**FILLED_IN, "code": "on"})
    assert MailSettings.objects.get().code


def test_the_code_can_be_switched_off_where_mail_no_longer_goes_out(
    house: House, desk: Client, page: str
) -> None:
    MailSettings.objects.create(practice=house.practice, code=True)
    desk.post(page, FILLED_IN)
    assert not MailSettings.objects.get().code


def delivered(of: Appointment, outcome: str, days: float = 1, reason: str = "") -> None:
    at = NOON - timedelta(days=days)
    Delivery.objects.create(appointment=of, kind="booked", outcome=outcome, reason=reason, at=at)


def test_it_counts_what_became_of_the_practices_own_mail(
    mine: House, other: House, staff: Client
) -> None:
    for outcome, days in (("sent", 1), ("sent", 29), ("sent", 31), ("refused", 1)):
        delivered(mine.appointment, outcome, days)
    delivered(mine.appointment, "dropped", reason="overtaken")
    delivered(other.appointment, "failed")
    counts = staff.get(mine.address("mail/")).context["counts"]
    assert [(label, count) for label, count, _ in counts] == [
        ("Sent", 2),
        ("Written to a file", 0),
        ("Bounced", 1),
        ("Not delivered", 0),
        ("Not sent", 1),
    ]


def test_the_example_is_a_reminder_in_both_languages(desk: Client, page: str) -> None:
    english, spanish = (each["mail"] for each in desk.get(page).context["examples"])
    assert english.subject == "Your visit is tomorrow: Tuesday, June 2, 2026, 3:00 PM"
    assert "Mia" in english.text
    assert spanish.subject.startswith("Su cita es mañana: martes 2 de junio de 2026, 3:00")


@pytest.mark.parametrize("text", ["\x00", "x" * 1001])
def test_what_cannot_be_kept_is_refused(desk: Client, page: str, text: str) -> None:
    assert desk.post(page, {**FILLED_IN, "text_en": text}).status_code == 400
    assert not MailSettings.objects.exists()
