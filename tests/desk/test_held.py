"""What the desk says of a place on hold: offered to a family, or proposed for a request."""

from django.test import Client

from bookings.scheduling import proposals
from bookings.scheduling.actors import Actor
from tests.bookings.requests import at, wall
from tests.conftest import only_once_on_sqlite
from tests.desk.world import House, said
from tests.factories import NOON
from tests.waitlist.families import join, look

pytestmark = only_once_on_sqlite


def test_a_place_that_is_offered_says_so_on_lists_and_paper(house: House, desk: Client) -> None:
    join(house.practice, "Ada", phone="555 555 0100")
    look(house.practice)
    for page in ("patients/", "sheet/?day=2026-06-02"):
        row = said(desk.get(house.address(page))).split("Ada Byron", 1)[1]
        assert "offered" in row.lower()
        assert "on hold" not in row.lower()


def test_a_place_that_is_proposed_says_so_and_leads_to_the_request(
    range_house: House, range_desk: Client
) -> None:
    other = range_house.publish("N", start=wall(3, 9))
    proposals.propose(
        appointment_id=range_house.appointment.pk,
        choices=[at(other)],
        by=Actor.of_staff(range_house.staff),
        now=NOON,
    )
    for page in ("patients/?status=pending", "sheet/?day=2026-06-03"):
        text = said(range_desk.get(range_house.address(page)))
        assert "proposed" in text.split("Rosalvaette", 1)[1].lower().split("555")[0]
    board = said(range_desk.get(range_house.address("board/?day=2026-06-03")))
    assert "proposed until 4:00 PM" in board
    opening = range_desk.get(range_house.address(f"opening/{other.pk}/"))
    assert "Proposed as another time, held until 4:00 PM" in said(opening)
    assert f"{range_house.address('ranges/')}#place-{range_house.appointment.pk}" in opening.text
    assert 'name="do" value="booked"' not in opening.text
