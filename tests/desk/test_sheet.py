"""The day sheet: who comes, for paper."""

from django.test import Client

from bookings.scheduling import appointments
from tests import factories
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, said
from tests.factories import NOON

pytestmark = only_once_on_sqlite


def test_a_sheet_has_who_comes_when_to_whom_and_how_to_reach_them(
    house: House, desk: Client
) -> None:
    appointments.edit(
        appointment_id=house.appointment.pk,
        fields={"guardian_name": "Gwendolyn", "note": "wheelchair"},
        by=house.actor,
        now=NOON,
    )
    text = said(desk.get(house.address("sheet/?day=2026-06-02")))
    assert "Quillon Square Quillon Orthodontics Tuesday, June 2, 2026" in text
    row = "9:00 AM Quillonette Quillonfield Gwendolyn 555 0100 Dr. Quillonson 60 wheelchair ☐ ☐ ☐"
    assert row in text
    assert "No name, and free 9:00 AM, Dr. Quillonson: 2 free" in text


def test_each_location_has_a_page_of_its_own(house: House, desk: Client) -> None:
    annex = factories.location(house.practice, name="Annex")
    sheet = house.address("sheet/?day=2026-06-02")
    assert desk.get(sheet).content.decode().count('class="oc-sheet"') == 2
    text = said(desk.get(f"{sheet}&location={annex.pk}"))
    assert "Annex Quillon Orthodontics" in text
    assert "Quillonette" not in text
    assert "There are no visits on this day." in text


def test_the_board_links_to_the_sheet_of_its_day(house: House, desk: Client) -> None:
    page = desk.get(house.address("board/?day=2026-06-02")).content.decode()
    assert f'{house.address("sheet/")}?day=2026-06-02"' in page


def test_a_sheet_of_a_range_practice_has_exact_times_and_parts_of_the_day(
    range_house: House, range_desk: Client
) -> None:
    other = range_house.patient(range_house.booking, first_name="Ada")
    fields: appointments.Fields = {"start_datetime": NOON.replace(day=2, hour=13, minute=20)}
    appointments.edit(appointment_id=other.pk, fields=fields, by=range_house.actor, now=NOON)
    text = said(range_desk.get(range_house.address("sheet/?day=2026-06-02")))
    assert "Morning Rosalvaette Rosalvafield (needs a time)" in text
    assert "9:20 AM Ada Rosalvafield" in text
