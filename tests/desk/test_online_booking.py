"""The desk's page "Online booking": settings, addresses, snippets, poster, and who changed what."""

import re
from typing import Any
from xml.etree import ElementTree

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from practices.models import BookingPage
from tests import factories
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, browser, person, said
from tests.smart.lists import ADDRESS

pytestmark = only_once_on_sqlite


def filled_in(**values: Any) -> dict[str, Any]:
    """Return the form's fields, as the page has them at first, with these changed."""
    return {"notice_hours": 2, "horizon_days": 84, "cancel_hours": 0, **values}


def test_it_is_off_until_it_is_switched_on(house: House, desk: Client) -> None:
    assert "Off. Patients are asked to call." in said(desk.get(house.address("online-booking/")))
    values = filled_in(active="on", text_en="Park behind.", text_es="Estacione detrás.")
    answer = desk.post(house.address("online-booking/"), values, follow=True)
    assert f"On. Patients book online at http://localhost/book/{house.practice.pk}" in said(answer)
    saved = BookingPage.objects.get()
    assert (saved.practice, saved.active, saved.text_es) == (
        house.practice,
        True,
        "Estacione detrás.",
    )


def test_who_changed_what_is_on_the_page(house: House, desk: Client) -> None:
    page = house.address("online-booking/")
    desk.post(page, filled_in(active="on", notice_hours=4, text_en="Park behind."))
    told = (
        "Patients can book online: no → yes; Minimum notice, in hours: 2 → 4; "
        "Text for patients, in English: changed"
    )
    answer = desk.get(page)
    assert f"{house.staff} {told}" in said(answer)
    seen = answer.context["seen"]
    desk.post(page, filled_in(active="on", notice_hours=4, text_en="Park behind.", seen=seen))
    assert LogEntry.objects.filter(object_id=house.practice.pk).count() == 1  # nothing was changed


def test_of_two_at_once_the_second_is_told(house: House, desk: Client) -> None:
    page = house.address("online-booking/")
    seen = desk.get(page).context["seen"]
    desk.post(page, filled_in(notice_hours=4, seen=seen))
    answer = desk.post(page, filled_in(notice_hours=6, seen=seen))
    assert answer.status_code == 400
    assert "changed this while you had it open" in said(answer)
    assert 'value="6"' in answer.content.decode()
    assert BookingPage.objects.get().notice_hours == 4


@pytest.mark.parametrize("is_operator", [False, True])
def test_only_its_own_locations_and_doctors_can_be_shown(
    is_operator: bool, mine: House, other: House, staff: Client
) -> None:
    client = browser(person("operator", is_superuser=True)) if is_operator else staff
    second = factories.location(mine.practice)
    factories.doctor(second)
    page = mine.address("online-booking/")
    for name, wrong, right in (
        ("locations", other.location.pk, second.pk),
        ("doctors", other.doctor.pk, mine.doctor.pk),
    ):
        answer = client.post(page, filled_in(**{name: [wrong]}))
        assert answer.status_code == 400
        assert not BookingPage.objects.exists()
        assert other.word not in said(answer).replace(wrong, "")
        assert client.post(page, filled_in(**{name: [right]})).status_code == 302
        assert getattr(BookingPage.objects.get(), name).get().pk == right
        BookingPage.objects.all().delete()
        LogEntry.objects.all().delete()


def test_doctors_who_work_at_no_location_that_is_shown_are_refused(
    house: House, desk: Client
) -> None:
    second = factories.location(house.practice)
    elsewhere, nowhere = factories.doctor(second), factories.doctor(second)
    nowhere.locations.clear()
    for locations, doctor in (([house.location.pk], elsewhere), ([], nowhere)):
        chosen = filled_in(locations=locations, doctors=[doctor.pk])
        answer = desk.post(house.address("online-booking/"), chosen)
        assert "None of these doctors works at a location that is shown" in said(answer)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://www.Practice.example/", "https://www.practice.example"),
        (
            "https://a.example\r\nhttps://b.example:8443  https://a.example/",
            "https://a.example\nhttps://b.example:8443",
        ),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://practice.example", None),
        ("practice.example", None),
        ("https://practice.example/contact", None),
        ("https://*.example", None),
        ("https://practice.example; script-src *", None),
        ("'self'", None),
        ("\x00", None),
    ],
)
def test_web_sites_are_taken_as_they_are_copied(
    typed: str, kept: str | None, house: House, desk: Client
) -> None:
    answer = desk.post(house.address("online-booking/"), filled_in(origins=typed))
    assert answer.status_code == (400 if kept is None else 302)
    assert [each.origins for each in BookingPage.objects.all()] == ([] if kept is None else [kept])


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("https://www.practice.example/thanks", "https://www.practice.example/thanks"),
        ("www.practice.example/thanks", "https://www.practice.example/thanks"),
        ("http://www.practice.example/thanks", None),
        ("javascript:alert(1)", None),
    ],
)
def test_a_page_to_go_to_afterwards_is_one_by_https(
    typed: str, kept: str | None, house: House, desk: Client
) -> None:
    desk.post(house.address("online-booking/"), filled_in(after_url=typed))
    assert [each.after_url for each in BookingPage.objects.all()] == ([kept] if kept else [])


def test_the_frame_has_a_title_and_is_there_once_a_site_is_named(
    house: House, desk: Client
) -> None:
    page = house.address("online-booking/")
    assert "add your website above" in said(desk.get(page))
    desk.post(page, filled_in(origins="https://www.practice.example"))
    snippet = desk.get(page).context["frame"]
    address = f"http://localhost/book/{house.practice.pk}"
    assert re.search(f'<iframe src="{address}" title="Book a visit at [^"]+"', snippet)
    assert '<script src="http://localhost/book/embed.js" async></script>' in snippet


def test_the_promise_is_asked_for_where_the_office_owes_a_time(
    house: House, desk: Client, range_house: House, range_desk: Client
) -> None:
    asked = "When you set the exact time"
    assert asked not in said(desk.get(house.address("online-booking/")))
    assert asked in said(range_desk.get(range_house.address("online-booking/")))


def test_an_office_without_a_phone_is_named(house: House, desk: Client) -> None:
    warned = "has no phone number, but patients who need help are asked to call"
    assert warned in said(desk.get(house.address("online-booking/")))
    house.practice.locations.update(office_phone="555 555 5555")
    assert warned not in said(desk.get(house.address("online-booking/")))


def test_the_qr_code_is_a_picture_and_the_poster_shows_it(house: House, desk: Client) -> None:
    answer = desk.get(house.address("online-booking/qr.svg"))
    assert answer.headers["Content-Type"] == "image/svg+xml"
    assert ElementTree.fromstring(answer.content).tag.endswith("svg")
    assert b"style" not in answer.content  # which a strict policy would refuse
    poster = desk.get(house.address("online-booking/poster/")).content.decode()
    assert house.address("online-booking/qr.svg") in poster
    assert f"http://localhost/book/{house.practice.pk}" in poster
    assert 'lang="es"' in poster


def test_search_sites_may_list_it_once_its_locations_have_what_they_need(
    house: House, desk: Client
) -> None:
    page, location = house.address("online-booking/"), house.location
    answer = desk.post(page, filled_in(public_feed="on"))
    assert answer.status_code == 400
    lacks = "lacks a phone number, a street address, a two-letter state and a ZIP code."
    assert f"{location.name} {lacks} Add that first." in said(answer)
    assert f"/locations/{location.pk}/" in answer.text or f"/{location.pk}/change/" in answer.text
    for name, value in ADDRESS.items():
        setattr(location, name, value)
    location.save()
    answer = desk.post(page, filled_in(active="on", public_feed="on"), follow=True)
    assert "/scheduling/smart/$bulk-publish" in said(answer)
    location.zip = ""
    location.save()
    told = f"Search sites do not list {location.name}, because it lacks a ZIP code."
    assert told in said(desk.get(page))
    # What is on stays so: nothing else on the page waits for an address.
    seen = desk.get(page).context["seen"]
    form = filled_in(active="on", public_feed="on", notice_hours=3, seen=seen)
    assert desk.post(page, form).status_code == 302
