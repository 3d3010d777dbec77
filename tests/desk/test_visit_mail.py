"""Mail of a visit at the desk: what became of it, an address that was refused, text to copy."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from time_machine import Traveller

from bookings.messages import deliveries
from bookings.models import Delivery, DropReason, ManageLink, Outcome, Task, TaskKind
from bookings.scheduling import appointments, moving
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, forms, said
from tests.factories import NOON

pytestmark = only_once_on_sqlite
LATER = datetime(2026, 6, 9, 14, 30)  # noqa: DTZ001  # wall time


@pytest.fixture(autouse=True)
def mail_server(settings: Any) -> None:
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example.org"}


def deliver(house: House, outcome: str, minutes: int = 1, **values: str) -> None:
    Delivery.objects.create(
        appointment=house.appointment,
        kind=values.pop("kind", TaskKind.BOOKED),
        outcome=outcome,
        at=NOON + timedelta(minutes=minutes),
        **values,
    )


def visit(house: House, desk: Client) -> str:
    return said(desk.get(house.address(f"place/{house.appointment.pk}/")))


def test_a_visit_says_what_became_of_each_mail_newest_first(house: House, desk: Client) -> None:
    deliver(house, Outcome.SENT)
    deliver(house, Outcome.DROPPED, 2, kind=TaskKind.MOVED, reason=DropReason.OVERTAKEN)
    deliver(house, Outcome.FAILED, 3, kind=TaskKind.REMINDER_1_DAY)
    mail, _, history = (
        visit(house, desk).partition(" E-mail Booked Waiting ")[2].partition("History")
    )
    assert mail.startswith(
        "Reminder, 1 day before Not delivered Mon, Jun 1, 2026, 12:03 PM "
        "Moved Not sent: the visit changed Mon, Jun 1, 2026, 12:02 PM "
        "Booked Sent Mon, Jun 1, 2026, 12:01 PM"
    )
    assert "Quillonette Quillonfield: “Booked” e-mail: sent" in history


def test_what_waits_says_how_often_it_was_tried_and_when_next(house: House, desk: Client) -> None:
    assert "Booked Waiting" in visit(house, desk)
    Task.objects.filter(appointment=house.appointment).update(
        attempts=2, error="SMTPServerDisconnected", run_after=NOON + timedelta(minutes=5)
    )
    assert "Tried 2 times, next at Mon, Jun 1, 2026, 12:05 PM" in visit(house, desk)


def test_a_mail_stands_in_the_history_between_the_changes_also_of_who_moved_away(
    house: House, desk: Client, clock: Traveller
) -> None:
    deliver(house, Outcome.SENT)
    clock.shift(timedelta(minutes=5))
    there = house.publish("N", start=datetime(2026, 6, 2, 14))  # noqa: DTZ001
    fields = {"visit": house.appointment.pk, "to": there.pk}
    (sent,) = forms(desk.get(house.address("move/"), fields), "/move/")
    desk.post(house.address("move/"), sent)
    deliver(house, Outcome.REFUSED, 6, kind=TaskKind.MOVED)
    here, old = (
        said(desk.get(house.address(f"opening/{each.pk}/"))).partition("History")[2]
        for each in (there, house.booking)
    )
    told = ["“Moved” e-mail: bounced", "moved to another opening", "“Booked” e-mail: sent"]
    found = [here.index(each) for each in [*told, ": booked"]]
    assert found == sorted(found)
    assert told[0] not in old
    assert told[2] in old


def pages(house: House) -> list[str]:
    return [
        f"opening/{house.booking.pk}/",
        "board/?day=2026-06-02",
        "board/?day=2026-06-02&view=week",
        "sheet/?day=2026-06-02",
    ]


def test_a_refused_address_is_marked_wherever_the_visit_stands_until_it_is_corrected(
    house: House, desk: Client, clock: Traveller
) -> None:
    deliver(house, Outcome.SENT)
    deliver(house, Outcome.REFUSED, 2)
    deliver(house, Outcome.DROPPED, 3, reason=DropReason.TOO_LATE)
    for page in pages(house):
        assert "e-mail bounced" in said(desk.get(house.address(page))), page
    found = desk.post(house.address("find/"), {"q": "quillonette"})
    assert "e-mail bounced" in said(found)
    asked = desk.get(house.address(f"place/{house.appointment.pk}/cancel/"))
    assert "by_mail" not in forms(asked, 'class="oc-form oc-card"')[0]
    assert "bounced" in said(asked)
    clock.shift(timedelta(minutes=9))
    address = house.address(f"place/{house.appointment.pk}/")
    (form,) = forms(desk.get(address), 'class="oc-form oc-card"')
    done = desk.post(address, {**form, "email": "new@example.org"}, follow=True)
    assert "Changed: e-mail. The family gets an e-mail." in said(done)
    for page in pages(house):
        assert "e-mail bounced" not in said(desk.get(house.address(page))), page


def test_a_mail_that_was_sent_since_clears_the_mark_with_one_query(house: House) -> None:
    deliver(house, Outcome.REFUSED)
    ada = house.patient(house.weekly, first_name="Ada")
    with CaptureQueriesContext(connection) as asked:
        assert deliveries.refused([house.appointment, ada]) == {house.appointment.pk}
    assert len(asked) == 1
    deliver(house, Outcome.SENT, 2)
    assert deliveries.refused([house.appointment, ada]) == set()


def test_the_text_is_copied_in_both_languages_with_a_link_that_is_made_on_a_post(
    house: House, desk: Client
) -> None:
    house.appointment = house.patient(house.booking, first_name="Sy", email="", language="es")
    address = house.address(f"place/{house.appointment.pk}/")
    page = desk.get(address)
    assert "There is no e-mail address. You can copy the text" in said(page)
    assert not ManageLink.objects.filter(appointment=house.appointment).exists()
    assert desk.get(f"{address}mail/").headers["Location"] == address
    spanish = desk.post(f"{address}mail/")
    assert "Su cita está reservada" in said(spanish)
    assert "/es/visit/" in said(spanish)
    english = said(desk.post(f"{address}mail/", {"language": "en"}))
    assert "Your visit is booked" in english
    assert "Su cita" not in english
    assert desk.post(f"{address}mail/", {"language": "rot13"}).status_code == 200
    assert ManageLink.objects.filter(appointment=house.appointment).count() == 1


def test_the_text_says_what_changed_last(house: House, desk: Client, clock: Traveller) -> None:
    clock.shift(timedelta(minutes=5))
    address = house.address(f"place/{house.appointment.pk}/")
    desk.post(f"{address}cancel/", {"seen": "booked"})
    deliver(house, Outcome.REFUSED)
    assert "The office cancelled your visit" in said(desk.post(f"{address}mail/"))


def test_the_text_of_a_moved_visit_tells_old_and_new_and_nothing_about_answers_to_a_mail(
    house: House, desk: Client, clock: Traveller
) -> None:
    visit = house.patient(house.booking, first_name="Sy", email="")
    clock.shift(timedelta(minutes=5))
    to: Any = {visit.pk: {"booking_id": house.publish("M", start=LATER).pk}}
    moving.move(to=to, by=house.actor, now=NOON)
    text = said(desk.post(house.address(f"place/{visit.pk}/mail/")))
    assert "Your visit has been moved" in text
    assert "When: Tuesday, June 9, 2026" in text
    assert "Previously: Tuesday, June 2, 2026" in text
    assert "Replies to this e-mail" not in text


def test_without_a_mail_server_the_desk_says_so_and_offers_the_text(
    house: House, desk: Client, settings: Any
) -> None:
    settings.EMAIL_URL = {}
    assert "No mail server is set up" in visit(house, desk)
    path = house.address(f"place/{house.appointment.pk}/cancel/")
    assert "No mail server is set up" in said(desk.get(path))
    done = desk.post(path, {"seen": "booked", "by_mail": "on"}, follow=True)
    assert "No mail server is set up: copy the text" in said(done)


def test_a_hold_and_what_is_over_have_no_text(house: House, desk: Client, clock: Traveller) -> None:
    booked = house.patient(house.booking, first_name="Bo", email="")
    held = house.patient(house.booking, first_name="Hal", email="", status="pending")
    house.appointment = held
    assert "Copy the text" not in visit(house, desk)
    appointments.cancel(appointment_id=held.pk, by=house.actor, now=NOON)
    assert "Copy the text" not in visit(house, desk)
    assert desk.post(house.address(f"place/{held.pk}/mail/")).status_code == 302
    clock.shift(timedelta(days=2))
    house.appointment = booked
    assert "Copy the text" not in visit(house, desk)
