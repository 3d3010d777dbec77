"""What a browser page holds: one visit, given back for another, extended, kept, booked once."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from cryptography.fernet import Fernet

from bookings.booking_page import holding
from bookings.booking_page.page import Page
from bookings.booking_page.state import State
from bookings.models import Appointment, Booking, ManageLink, PatientHold
from bookings.scheduling import appointments, bookings, moving
from bookings.scheduling.availability import Option
from practices.models import BookingPage
from tests.factories import NOON, Scene
from tests.test_races import inconsistencies

TYPED = {"phone": "212 555 0123", "email": "", "zip_code": "", "message": "Ring twice"}


def page_of(scene: Scene, *names: str, address: str = "192.0.2.1", **said: Any) -> Page:
    settings, _ = BookingPage.objects.get_or_create(practice=scene.practice, active=True)
    people = tuple((name, "Lovelace") for name in names or ("Ada",))
    now = datetime.now(UTC)
    state = State.begin(scene.practice.pk, now, people=people, **said)
    return Page(scene.practice, settings, state, now, "en", address)


def again(page: Page, **said: Any) -> Page:
    """Return the page of the same browser later."""
    state = page.state.but(**said)
    return Page(page.practice, page.settings, state, datetime.now(UTC), page.language, page.address)


def openings(scene: Scene, count: int = 2, **values: Any) -> list[Booking]:
    hours = [NOON + timedelta(hours=20 + nth) for nth in range(count)]
    return [scene.booking(start_datetime=hour, **values) for hour in hours]


def held(page: Page, *of: Booking, **typed: str) -> list[Appointment]:
    holding.hold(page, Option(of), typed)
    return holding.visits(page)


def taken(*of: Booking) -> list[int]:
    return [Booking.objects.get(pk=each.pk).places_taken for each in of]


def test_a_family_holds_its_places_with_its_names_and_where_it_came_from(scene):
    page = page_of(
        scene, "Ada", "Ben", guardian_name="Anne", source="site", attribution={"utm_source": "x"}
    )
    ids = holding.hold(page, Option(tuple(openings(scene))))
    rows = [Appointment.objects.get(pk=each) for each in ids]
    assert [each.unread_person.first_name for each in rows] == ["Ada", "Ben"]
    assert {each.unread_person.guardian_name for each in rows} == {"Anne"}
    assert {(each.status, each.source, each.language) for each in rows} == {
        ("pending", "site", "en")
    }
    assert {str(each.attribution) for each in rows} == {"{'utm_source': 'x'}"}
    assert rows[0].pending_until == NOON + timedelta(seconds=300)
    assert PatientHold.objects.get().places == 2


def test_choosing_another_time_gives_the_first_back_and_keeps_what_was_typed(scene, clock):
    first, second = openings(scene)
    page = page_of(scene)
    was = held(page, first)
    holding.keep(page, TYPED)
    clock.shift(100)
    # Also without the ids: the browser has gone back to a page from before the hold.
    [now] = held(again(page), second)
    assert (taken(first, second), now.pk) == ([0, 1], was[0].pk)
    assert now.unread_person.message == "Ring twice"
    assert now.pending_until == NOON + timedelta(seconds=400)


def test_a_hold_that_ends_while_another_time_is_chosen_moves_all_the_same(scene, clock):
    first, second = openings(scene)
    page = page_of(scene)
    held(page, first)
    clock.shift(301)  # nothing has read it since
    [visit] = held(again(page), second)
    assert (visit.status, taken(first, second)) == ("pending", [0, 1])
    assert inconsistencies() == []


def test_another_number_of_people_takes_other_places_with_what_was_typed(scene):
    first, second = openings(scene)
    page = page_of(scene)
    held(page, first)
    holding.keep(page, TYPED)
    more = again(page, people=(("Ada", "Lovelace"), ("Ben", "Lovelace")))
    rows = held(more, first, second)
    assert taken(first, second) == [1, 1]
    assert [each.unread_person[:1] for each in rows] == [("Ada",), ("Ben",)]
    assert {each.unread_person.phone for each in rows} == {TYPED["phone"]}
    assert PatientHold.objects.get().places == 2


def test_where_the_other_time_is_taken_the_first_stays_held(scene):
    first, second = openings(scene)
    page = page_of(scene)
    held(page, first)
    held(page_of(scene, "Eve"), second)
    with pytest.raises(holding.Gone):
        holding.hold(again(page), Option((second,)))
    assert holding.visits(page)[0].booking_id == first.pk


def test_each_step_extends_the_hold_but_not_past_an_hour(scene, clock):
    [opening] = openings(scene, 1)
    page = page_of(scene)
    held(page, opening)
    for _ in range(11):
        clock.shift(290)
        [visit] = holding.keep(again(page))
        assert visit.status == "pending"
    clock.shift(290)
    [visit] = holding.keep(again(page))
    assert visit.pending_until == NOON + timedelta(seconds=3600)
    assert PatientHold.objects.get().pending_until == visit.pending_until


def test_names_that_change_after_the_hold_are_changed_in_it(scene):
    [opening] = openings(scene, 1)
    page = page_of(scene)
    held(page, opening)
    [visit] = holding.keep(again(page, people=(("Grace", "Hopper"),), guardian_name="Anne"))
    assert visit.unread_person[:2] == ("Grace", "Hopper")
    assert visit.unread_person.guardian_name == "Anne"


def test_a_visit_is_booked_once_with_a_link_for_each_patient(scene):
    page = page_of(scene, "Ada", "Ben")
    rows = held(page, *openings(scene))
    booked = holding.confirm(page, holding.shown(rows))
    assert [each.status for each in booked] == ["booked", "booked"]
    assert ManageLink.objects.count() == 2
    for act in (
        lambda: holding.confirm(page, holding.shown(rows)),
        lambda: holding.keep(page, TYPED),
        lambda: holding.hold(page, Option(tuple(openings(scene)))),
    ):
        with pytest.raises(holding.AlreadyBooked) as told:
            act()
        assert [each.pk for each in told.value.booked] == [each.pk for each in booked]


def test_a_visit_of_a_range_practice_becomes_reserved(range_scene):
    page = page_of(range_scene)
    rows = held(page, *openings(range_scene, 1))
    assert holding.confirm(page, holding.shown(rows))[0].status == "reserved"


def test_one_booked_in_spanish_is_a_spanish_one(scene):
    page = page_of(scene)
    rows = held(page, *openings(scene, 1))
    spanish = Page(page.practice, page.settings, page.state, page.now, "es", page.address)
    assert holding.confirm(spanish, holding.shown(rows))[0].language == "es"


@pytest.mark.parametrize("act", ["keep", "extend", "confirm"])
@pytest.mark.parametrize("place", ["free", "gone"])
def test_what_was_typed_outlasts_a_hold_that_has_ended(scene, clock, act, place):
    [opening] = openings(scene, 1)
    page = page_of(scene)
    rows = held(page, opening, message="Ring twice")
    clock.shift(301)
    if place == "gone":
        held(page_of(scene, "Eve", address="192.0.2.2"), opening)
    late = again(page)
    acts = {
        "keep": lambda: holding.keep(late, TYPED),
        "extend": lambda: holding.keep(late),
        "confirm": lambda: holding.confirm(late, holding.shown(rows)),
    }
    if place == "free":
        assert acts[act]()[0].status == ("booked" if act == "confirm" else "pending")
    else:
        with pytest.raises(holding.Gone) as gone:
            acts[act]()
        assert gone.value.is_kept
    [visit] = holding.visits(late)
    assert visit.unread_person.message == "Ring twice"
    assert visit.unread_person.phone == (TYPED["phone"] if act == "keep" else "")


def test_a_held_visit_that_the_office_cancels_is_gone_and_says_whether_all_is_kept(scene):
    [opening, other] = openings(scene)
    page = page_of(scene)
    [visit] = held(page, opening, phone="212 555 0123")
    appointments.cancel(appointment_id=visit.pk, by=scene.actor, now=NOON)
    with pytest.raises(holding.Gone) as gone:
        holding.keep(page, TYPED)
    assert not gone.value.is_kept
    with pytest.raises(holding.Gone):
        holding.confirm(page, holding.shown([visit]))
    [new] = held(page, other, **TYPED)
    assert (new.pk != visit.pk, new.unread_person.message) == (True, "Ring twice")


@pytest.mark.parametrize("by_time", [True, False])
def test_a_held_visit_that_the_office_moves_is_booked_only_once_it_was_seen_so(scene, by_time):
    [opening, other] = openings(scene)
    page = page_of(scene)
    rows = held(page, opening)
    seen = holding.shown(rows)
    if by_time:
        later: Any = {"start_datetime": NOON + timedelta(hours=25)}
        bookings.edit(booking_id=opening.pk, fields=later, by=scene.actor, now=NOON)
    else:
        moving.move(to={rows[0].pk: {"booking_id": other.pk}}, by=scene.actor, now=NOON)
    with pytest.raises(holding.NotAsSeen):
        holding.confirm(page, seen)
    assert holding.confirm(page, holding.shown(holding.visits(page)))[0].status == "booked"


def test_a_held_visit_that_the_office_books_is_booked(scene):
    page = page_of(scene)
    rows = held(page, *openings(scene, 1))
    booked: Any = {"status": "booked"}
    appointments.edit(appointment_id=rows[0].pk, fields=booked, by=scene.actor, now=NOON)
    with pytest.raises(holding.AlreadyBooked):
        holding.keep(page, TYPED)


def test_where_the_office_books_one_of_a_family_the_other_one_is_booked_with_it(scene):
    page = page_of(scene, "Ada", "Ben")
    rows = held(page, *openings(scene))
    booked: Any = {"status": "booked"}
    appointments.edit(appointment_id=rows[0].pk, fields=booked, by=scene.actor, now=NOON)
    assert [each.status for each in holding.keep(page, TYPED)] == ["pending"]
    with pytest.raises(holding.AlreadyBooked):
        holding.hold(page, Option(tuple(openings(scene))))
    seen = holding.shown(holding.visits(page))
    assert [each.status for each in holding.confirm(page, seen)] == ["booked", "booked"]


def test_an_older_tab_with_fewer_people_changes_no_names(scene):
    page = page_of(scene)
    held(page, *openings(scene, 1))
    more = again(page, people=(("Ada", "Lovelace"), ("Ben", "Lovelace")))
    held(more, *openings(scene))
    rows = holding.keep(again(page), TYPED)
    assert [each.unread_person.first_name for each in rows] == ["Ada", "Ben"]


def test_an_opening_that_is_closed_meanwhile_is_gone(scene):
    [opening] = openings(scene, 1)
    bookings.close(booking_id=opening.pk, by=scene.actor, now=NOON)
    with pytest.raises(holding.Gone):
        holding.hold(page_of(scene), Option((opening,)))


def test_a_visit_is_found_again_while_the_patients_keys_are_changed(scene, settings):
    page = page_of(scene)
    rows = held(page, *openings(scene, 1))
    settings.PATIENT_KEYS = [Fernet.generate_key().decode(), *settings.PATIENT_KEYS]
    assert holding.confirm(again(page), holding.shown(rows))[0].pk == rows[0].pk
    assert PatientHold.objects.count() == 1
