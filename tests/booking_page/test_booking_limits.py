"""Limits of the booking page: each bites, and a family passes all of them."""

from typing import Any

import pytest

from bookings.booking_page import holding, limits
from bookings.models import PatientHold
from bookings.scheduling.availability import Option
from openchair.errors import LimitReached
from tests.booking_page.test_holding import TYPED, again, held, openings, page_of, taken
from tests.factories import Scene


def book(scene: Scene, name: str, address: str, phone: str = "212 555 0123") -> None:
    page = page_of(scene, name, address=address)
    rows = held(page, *openings(scene, 1))
    holding.keep(page, {**TYPED, "phone": phone})
    holding.confirm(page, holding.shown(rows))


def hold_from(scene: Scene, *addresses: str) -> None:
    for address in addresses:
        held(page_of(scene, address=address), *openings(scene, 1))


def test_a_family_of_four_passes_with_a_change_of_mind_at_each_step(scene, clock):
    page = page_of(scene, "Ada", "Ben", "Cleo", "Dan")
    for _ in range(3):
        held(again(page), *openings(scene, 4))
        clock.shift(60)
        holding.keep(again(page), TYPED)
    rows = holding.visits(page)
    assert len(holding.confirm(again(page), holding.shown(rows))) == 4


def test_an_address_holds_two_visits_at_once(scene, clock):
    hold_from(scene, "192.0.2.1", "192.0.2.1", "192.0.2.2")
    with pytest.raises(LimitReached):
        hold_from(scene, "192.0.2.1")
    clock.shift(301)
    hold_from(scene, "192.0.2.1")


def test_addresses_of_one_ipv6_network_are_one(scene):
    hold_from(scene, "2001:db8:0:1::1", "2001:db8:0:1::2", "2001:db8:0:2::1")
    with pytest.raises(LimitReached):
        hold_from(scene, "2001:db8:0:1:ffff::3")


def test_an_ipv4_address_is_the_same_in_both_ways_of_writing_it(scene):
    hold_from(scene, "192.0.2.1", "::ffff:192.0.2.1")
    with pytest.raises(LimitReached):
        hold_from(scene, "192.0.2.1")


def test_a_browser_page_holds_one_visit_however_often_it_asks(scene):
    page, of = page_of(scene), openings(scene, 5)
    for each in of:
        held(again(page), each)
    assert taken(*of) == [0, 0, 0, 0, 1]
    assert PatientHold.objects.count() == 1


def test_unconfirmed_patients_hold_a_quarter_of_what_is_free_and_at_least_three(scene):
    of = openings(scene, 18)
    for nth, each in enumerate(of[:4]):
        held(page_of(scene, address=f"192.0.2.{nth}"), each)
    late = page_of(scene, address="192.0.2.9")
    with pytest.raises(LimitReached):  # a quarter of 18 is four
        holding.hold(late, Option((of[4],)))
    openings(scene, 2)
    holding.hold(late, Option((of[4],)))


def test_a_family_alone_is_never_refused_for_what_it_holds(scene):
    held(page_of(scene, "Ada", "Ben", "Cleo", "Dan"), *openings(scene, 4))
    with pytest.raises(LimitReached):
        hold_from(scene, "192.0.2.9")


@pytest.mark.parametrize("of", ["ADDRESS", "PRACTICE"])
def test_holds_are_counted(scene, settings, clock, of):
    setattr(settings, f"PATIENT_HOLDS_PER_{of}", (2, 3600))
    page, another = page_of(scene), openings(scene, 3)
    for each in another[:2]:
        held(again(page), each)
    with pytest.raises(LimitReached) as refused:
        holding.hold(again(page), Option((another[2],)))
    assert refused.value.retry_after == 3600
    clock.shift(3600)
    holding.hold(again(page), Option((another[2],)))


def test_holds_of_one_contact_are_counted_and_what_was_typed_is_kept(scene, settings):
    settings.PATIENT_HOLDS_PER_CONTACT = (2, 3600)
    for nth in range(2):
        page = page_of(scene, address=f"192.0.2.{nth}")
        held(page, *openings(scene, 1))
        holding.keep(page, TYPED)
        holding.keep(page, TYPED)  # the same once more is none
    last = page_of(scene, address="192.0.2.9")
    held(last, *openings(scene, 1))
    with pytest.raises(LimitReached):
        holding.keep(last, {**TYPED, "phone": "+1 (212) 555-0123"})
    assert holding.visits(last)[0].unread_person.message == "Ring twice"


@pytest.mark.parametrize("of", ["ADDRESS", "PRACTICE", "CONTACT"])
def test_visits_booked_are_counted(scene, settings, of):
    setattr(settings, f"PATIENT_VISITS_PER_{of}", (2, 3600))
    address, phone = "192.0.2.1", "212 555 0123"
    book(scene, "Ada", address, phone)
    book(scene, "Ben", address, phone)
    with pytest.raises(LimitReached):
        book(scene, "Cleo", address, phone)
    if of != "PRACTICE":
        book(scene, "Dan", "192.0.2.2", "212 555 0199")


def test_booking_twice_by_one_press_is_counted_once(scene, settings):
    settings.PATIENT_VISITS_PER_ADDRESS = (1, 3600)
    page = page_of(scene)
    rows = held(page, *openings(scene, 1))
    holding.confirm(page, holding.shown(rows))
    with pytest.raises(holding.AlreadyBooked):
        holding.confirm(page, holding.shown(rows))


def test_an_address_that_is_none_is_counted_too(scene: Scene, settings: Any) -> None:
    assert limits.addresses_of(page_of(scene, address="")) != limits.addresses_of(page_of(scene))
