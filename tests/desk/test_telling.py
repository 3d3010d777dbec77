"""Mail that the desk's changes send: asked for, seen before it goes, with the office's words."""

import html
import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client

from bookings.models import Access, Delivery, Outcome, Task, TaskKind
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, forms, said
from tests.factories import NOON

pytestmark = only_once_on_sqlite


@pytest.fixture(autouse=True)
def mail_server(settings: Any) -> None:
    settings.EMAIL_URL = {"EMAIL_HOST": "mail.example.org"}


def tasks(house: House) -> list[tuple[str, bool]]:
    """List the mail of the house's first visit that was saved since it was booked."""
    rows = Task.objects.filter(appointment=house.appointment).exclude(kind=TaskKind.BOOKED)
    return list(rows.order_by("id").values_list("kind", "with_words"))


def moves(house: House, desk: Client, *visits: str) -> tuple[Any, dict[str, list[str]]]:
    """Choose another opening; return the page with the mail, and what its button sends."""
    there = house.publish("N", start=datetime(2026, 6, 2, 14))  # noqa: DTZ001
    sent = {"visit": [*visits] or [house.appointment.pk], "to": [there.pk] * (len(visits) or 1)}
    page = desk.get(house.address("move/"), sent)
    (shown,) = forms(page, "/move/")
    return page, shown


def cancels(house: House, desk: Client) -> tuple[str, Any, dict[str, list[str]]]:
    """Open the page that cancels; return its address, it, and what its button sends."""
    path = house.address(f"place/{house.appointment.pk}/cancel/")
    page = desk.get(path)
    (shown,) = forms(page, 'class="oc-form oc-card"')
    return path, page, shown


def test_who_cancels_sees_the_mail_and_where_the_words_stand(house: House, desk: Client) -> None:
    path, page, shown = cancels(house, desk)
    assert "To quillon@example.org" in said(page)
    assert "The office cancelled your visit" in said(page)
    assert said(page).index("A note from the office:") < said(page).index("Your note")
    assert shown["by_mail"] == ["on"]
    done = desk.post(path, {**shown, "words": "The doctor is ill.\r\nSorry!"}, follow=True)
    assert "is cancelled. The family gets an e-mail." in said(done)
    assert tasks(house) == [("cancelled", True)]
    house.appointment.refresh_from_db()
    assert house.appointment.person.words == "The doctor is ill.\nSorry!"


def test_no_mail_goes_where_the_person_says_no(house: House, desk: Client) -> None:
    path, _, shown = cancels(house, desk)
    del shown["by_mail"]
    assert "The family gets no e-mail." in said(desk.post(path, shown, follow=True))
    _, shown = moves(house, desk, house.patient(house.weekly, first_name="Ada").pk)
    del shown["by_mail"]
    desk.post(house.address("move/"), shown)
    assert not Task.objects.exclude(kind=TaskKind.BOOKED).exists()


@pytest.mark.parametrize(
    ("words", "told"), [("x" * 501, "at most 500 characters"), ("a\0b", "Null characters")]
)
def test_words_that_cannot_be_are_said_and_nothing_typed_is_lost(
    house: House, desk: Client, words: str, told: str
) -> None:
    path, _, shown = cancels(house, desk)
    refused = desk.post(path, {**shown, "reason": "Ohio", "words": words})
    assert refused.status_code == 400
    assert told in said(refused)
    assert 'value="Ohio"' in refused.content.decode()
    _, shown = moves(house, desk)
    refused = desk.post(house.address("move/"), {**shown, "words": words})
    assert refused.status_code == 400
    assert words[:400] in refused.content.decode()
    assert tasks(house) == []


def test_500_characters_are_counted_as_the_browser_does(house: House, desk: Client) -> None:
    path, _, shown = cancels(house, desk)
    assert desk.post(path, {**shown, "words": "\r\n".join(["x"] * 250)}).status_code == 302


def test_who_moves_sees_the_mail_of_the_new_time(house: House, desk: Client) -> None:
    Delivery.objects.create(
        appointment=house.appointment, kind=TaskKind.BOOKED, outcome=Outcome.SENT, at=NOON
    )
    page, shown = moves(house, desk)
    assert "Your visit has been moved to Tuesday, June 2, 2026" in said(page)
    assert "When: Tuesday, June 2, 2026, 2:00 PM (Eastern Time)" in said(page)
    assert "Previously: Tuesday, June 2, 2026, 9:00 AM (Eastern Time)" in said(page)
    done = desk.post(house.address("move/"), {**shown, "words": "Park behind."}, follow=True)
    assert "The family gets an e-mail. Undo" in said(done)
    assert tasks(house) == [("moved", True)]


def test_a_family_is_shown_each_mail_in_its_language_and_who_has_none(
    house: House, desk: Client
) -> None:
    es = house.patient(house.booking, first_name="Luz", language="es", email="luz@example.org")
    silent = house.patient(house.booking, first_name="Sy", email="")
    page, shown = moves(house, desk, house.appointment.pk, es.pk, silent.pk)
    assert "Su cita" in said(page)
    assert "There is no e-mail address for Sy Quillonfield" in said(page)
    done = desk.post(house.address("move/"), shown, follow=True)
    assert f"place/{silent.pk}/#mail" in done.content.decode()
    assert set(Task.objects.filter(kind="moved").values_list("appointment", flat=True)) == {
        house.appointment.pk,
        es.pk,
    }


def test_of_a_hold_or_another_doctor_alone_nothing_is_asked(house: House, desk: Client) -> None:
    held = house.patient(house.booking, first_name="Hal", status="pending")
    page, _ = moves(house, desk, held.pk)
    assert "E-mail the family" not in said(page)


def test_words_survive_a_colleagues_change(house: House, desk: Client) -> None:
    path, _, shown = cancels(house, desk)
    there, words = house.publish("M"), "Take care"
    again = desk.post(path, {**shown, "seen": "reserved", "words": words})
    assert again.status_code == 409
    assert words in again.content.decode()
    _, shown = moves(house, desk)
    again = desk.post(
        house.address("move/"), {**shown, "seen": f"booked {there.pk}", "words": words}
    )
    assert again.status_code == 409
    assert words in again.content.decode()
    assert tasks(house) == []


def test_an_edit_of_an_opening_with_patients_shows_the_mail_and_needs_no_tick(
    house: House, desk: Client
) -> None:
    edit = house.address(f"opening/{house.booking.pk}/edit/")
    (typed,) = forms(desk.get(edit), 'class="oc-form oc-card"')
    values = {
        **typed,
        "location": house.location.pk,
        "doctor": house.doctor.pk,
        "start": "2026-06-02T09:30",
    }
    asked = desk.post(edit, values)
    assert asked.status_code == 409
    assert "Tuesday, June 2, 2026, 9:30 AM" in said(asked)
    (again,) = forms(asked, 'class="oc-form oc-card"')
    long = desk.post(edit, {**values, **again, "words": "x" * 501})
    assert "at most 500 characters" in said(long)
    assert desk.post(edit, {**values, **again, "words": "Half an hour later"}).status_code == 302
    assert tasks(house) == [("moved", True)]


def test_words_are_in_the_history_until_the_next_ones_and_nowhere_in_clear(
    house: House, desk: Client
) -> None:
    there = house.publish("N", start=datetime(2026, 6, 2, 14))  # noqa: DTZ001
    for words, opening in (("Zanzibar first", there), ("Zanzibar second", house.booking)):
        chosen = {"visit": house.appointment.pk, "to": opening.pk}
        (sent,) = forms(desk.get(house.address("move/"), chosen), "/move/")
        desk.post(house.address("move/"), {**sent, "words": words})
    history = said(desk.get(house.address(f"place/{house.appointment.pk}/"))).partition("History")[
        2
    ]
    assert "Note to the family: Zanzibar second" in history
    assert "Zanzibar first" not in history
    last = Access.objects.order_by("-id")[0]
    assert house.appointment.pk in last.appointments


def test_booking_at_the_desk_says_whether_mail_goes(house: House, desk: Client) -> None:
    take = house.address(f"opening/{house.booking.pk}/patient/")
    patient = {"first_name": "Ada", "last_name": "Brook", "phone": "212 555 0199"}
    without = desk.post(take, patient, follow=True)
    assert "No e-mail address: copy the text ." in said(without)
    link = re.search(r'href="([^"]*)#mail"', without.content.decode())
    assert link is not None
    assert "There is no e-mail address." in said(desk.get(html.unescape(link[1])))
    other = {**patient, "phone": "212 555 0133", "email": "b@example.org"}
    assert "The family gets an e-mail." in said(desk.post(take, other, follow=True))


def test_nobody_is_told_of_an_opening_that_stays_in_its_part_of_the_day(
    range_house: House, range_desk: Client
) -> None:
    house = range_house
    at = datetime(2026, 6, 2, 9, 20)  # noqa: DTZ001
    house.patient(house.booking, first_name="Timed", status="booked", start_datetime=at)
    edit = house.address(f"opening/{house.booking.pk}/edit/")
    (typed,) = forms(range_desk.get(edit), 'class="oc-form oc-card"')
    typed |= {"location": [house.location.pk], "doctor": [house.doctor.pk]}
    before = Task.objects.count()
    assert range_desk.post(edit, {**typed, "start": "2026-06-02T09:30"}).status_code == 302
    assert Task.objects.count() == before
    (typed,) = forms(range_desk.get(edit), 'class="oc-form oc-card"')
    typed |= {"location": [house.location.pk], "doctor": [house.doctor.pk]}
    asked = range_desk.post(edit, {**typed, "start": "2026-06-02T10:30"})
    assert "Late morning" in said(asked)
    assert "Timed Rosalvafield moves" not in said(asked)
    (again,) = forms(asked, 'class="oc-form oc-card"')
    assert range_desk.post(edit, {**again, **typed, "start": "2026-06-02T10:30"}).status_code == 302
    assert [each.appointment for each in Task.objects.order_by("id")[before:]] == [
        house.appointment
    ]


def test_an_exact_time_that_cannot_be_keeps_the_words(
    range_house: House, range_desk: Client
) -> None:
    house = range_house
    there = house.publish("N", start=datetime(2026, 6, 2, 14, 30))  # noqa: DTZ001
    at = datetime(2026, 6, 2, 9, 20)  # noqa: DTZ001
    timed = house.patient(house.booking, status="booked", start_datetime=at)
    exact = f"{timed.pk}-start"
    chosen = {"visit": timed.pk, "to": there.pk, exact: "2026-06-02T15:00"}
    (shown,) = forms(range_desk.get(house.address("move/"), chosen), "/move/")
    past = {**shown, exact: "2026-06-01T09:00", "words": "See you"}
    refused = range_desk.post(house.address("move/"), past)
    assert refused.status_code == 400
    (typed,) = forms(refused, "/move/")
    typed |= {exact: ["2026-06-02T15:15"], "show": ["yes"]}
    seen = range_desk.post(house.address("move/"), typed)
    assert "3:15 PM" in said(seen)
    (shown,) = forms(seen, "/move/")
    assert shown["by_mail"] == ["on"]
    assert "See you" in seen.content.decode()
    assert range_desk.post(house.address("move/"), shown).status_code == 302
