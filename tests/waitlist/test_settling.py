"""Ends of offers and entries, and whose turn it is then; after bugs that pretix's list has had."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bookings.models import Appointment, Booking, WaitlistEntry
from bookings.scheduling import appointments, bookings, moving
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.waitlist import answers, offers
from openchair.errors import Refused
from tests.factories import NOON, Scene, doctor
from tests.test_races import inconsistencies
from tests.waitlist.families import held, join, look, offer

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def visit(booking: Booking, now: Any = NOON, **fields: Any) -> Appointment:
    said: Any = {"status": "booked", "first_name": "Zoe", **fields}
    return appointments.take(booking_id=booking.pk, fields=said, by=PATIENT, now=now)


def cancel(of: Appointment, now: Any = NOON) -> None:
    appointments.cancel(appointment_id=of.pk, by=PATIENT, now=now)


def accept(entry: WaitlistEntry, now: Any = NOON) -> list[Appointment]:
    return answers.accept(offer_id=entry.offers.latest("pk").pk, by=PATIENT, now=now)


def in_row(scene: Scene, count: int, **values: Any) -> list[Booking]:
    """Publish openings one after the other."""
    starts = [NOON + DAY + nth * HOUR / 2 for nth in range(count)]
    return [scene.booking(start_datetime=each, length=30, **values) for each in starts]


def edit(scene: Scene, booking: Booking, now: Any = NOON, **fields: Any) -> None:
    bookings.edit(booking_id=booking.pk, fields=fields, by=scene.actor, now=now)  # type: ignore[arg-type]


def test_what_was_accepted_and_then_cancelled_goes_to_the_next(scene: Scene) -> None:
    """pretix #1163: the voucher was spent, and the place neither free nor offered."""
    scene.booking()
    first, second = join(scene.practice, "Ada"), join(scene.practice, "Ben")
    look(scene.practice)
    (booked,) = accept(first)
    look(scene.practice)
    assert offer(second) is None
    cancel(booked)
    look(scene.practice)
    assert len(held(second)) == 1


def test_nothing_is_offered_out_of_nothing(scene: Scene) -> None:
    """pretix #1238: 60 offers of places that there were not."""
    booking = scene.booking(total_appointments=2)
    waiting = [join(scene.practice, name) for name in ("Ada", "Ben", "Cleo")]
    look(scene.practice)
    assert [len(held(each)) for each in waiting] == [1, 1, 0]
    by: Any = {"booking_ids": [booking.pk], "by": scene.actor, "now": NOON}
    with pytest.raises(Refused, match="not free any more"):
        offers.make(entry_id=waiting[2].pk, **by)


def test_who_fits_nothing_holds_up_nobody(scene: Scene) -> None:
    """pretix #2119: entries of one product starved behind those of another."""
    other = doctor(scene.location)
    first = join(scene.practice, "Ada", doctor_ids=[other.pk])
    second = join(scene.practice, "Ben")
    scene.booking()
    look(scene.practice)
    assert (offer(first), len(held(second))) == (None, 1)


@pytest.mark.parametrize("sooner", [-HOUR, HOUR, 5 * HOUR], ids=["begun", "an hour", "five hours"])
def test_an_offer_of_an_opening_that_is_now_too_near_is_withdrawn(
    scene: Scene, sooner: timedelta
) -> None:
    """pretix #1031: offers after the event began."""
    booking = scene.booking()
    entry = join(scene.practice)
    look(scene.practice)
    edit(scene, booking, start_datetime=NOON + sooner)
    if sooner < HOUR:
        with pytest.raises(Refused, match="has passed"):
            accept(entry)
    look(scene.practice)
    assert (offer(entry), entry.offers.get().outcome) == (None, "withdrawn")
    assert Booking.objects.get(pk=booking.pk).free_places == 1


def test_where_the_desk_releases_one_of_three_held_places_the_others_are_given_back(
    scene: Scene,
) -> None:
    in_row(scene, 3)
    entry = join(scene.practice, people=3)
    look(scene.practice)
    cancel(held(entry)[1])
    look(scene.practice)
    assert entry.offers.get().outcome == "withdrawn"
    assert {each.status for each in entry.offers.get().held} == {"cancelled"}


def test_a_held_place_that_the_desk_moved_is_accepted_where_it_is(scene: Scene) -> None:
    scene.booking()
    entry = join(scene.practice, latest=(NOON + 2 * DAY).date())
    look(scene.practice)
    other = scene.booking(start_datetime=NOON + 4 * DAY)
    moving.move(to={held(entry)[0].pk: {"booking_id": other.pk}}, by=scene.actor, now=NOON)
    look(scene.practice)
    (booked,) = accept(entry)
    assert (booked.booking_id, booked.status) == (other.pk, "booked")


def test_who_accepts_late_while_offered_another_place_gives_that_back(scene: Scene) -> None:
    one = scene.booking()
    entry = join(scene.practice)
    look(scene.practice)
    missed, late = entry.offers.get(), NOON + 5 * HOUR
    other = scene.booking(start_datetime=NOON + 3 * DAY)
    look(scene.practice, late)
    assert [each.booking_id for each in held(entry)] == [other.pk]
    (booked,) = answers.accept(offer_id=missed.pk, by=PATIENT, now=late)
    assert booked.booking_id == one.pk
    assert [each.outcome for each in entry.offers.order_by("pk")] == ["accepted", "withdrawn"]
    other.refresh_from_db()
    assert other.free_places == 1
    assert inconsistencies() == []


def test_when_a_visit_is_moved_later_more_is_earlier(scene: Scene) -> None:
    mine = visit(scene.booking(start_datetime=NOON + 2 * DAY))
    freed = visit(scene.booking(start_datetime=NOON + 5 * DAY))
    later = scene.booking(start_datetime=NOON + 9 * DAY)
    wishes: Any = {"earliest": (NOON + 4 * DAY).date(), "now": NOON + HOUR / 60}
    entry = join(scene.practice, visits=[mine], **wishes)
    now = NOON + HOUR
    cancel(freed, now)
    look(scene.practice, now)
    assert offer(entry) is None
    moving.move(to={mine.pk: {"booking_id": later.pk}}, by=scene.actor, now=now)
    with pytest.raises(Refused, match="No place"):
        visit(freed.booking, now)
    look(scene.practice, now)
    assert [each.booking_id for each in held(entry)] == [freed.booking_id]


def test_nobody_is_offered_back_the_place_that_their_visit_was_moved_out_of(scene: Scene) -> None:
    was, other = scene.booking(), visit(scene.booking(start_datetime=NOON + 2 * DAY))
    entry = join(scene.practice, visits=[visit(was)])
    look(scene.practice)
    later = scene.booking(start_datetime=NOON + 9 * DAY)
    to: Any = {each.pk: {"booking_id": later.pk} for each in entry.visits.all()}
    moving.move(to=to, by=PATIENT, now=NOON + HOUR)
    look(scene.practice, NOON + HOUR)
    assert offer(entry) is None
    cancel(other, NOON + HOUR)
    look(scene.practice, NOON + HOUR)
    assert [each.booking_id for each in held(entry)] == [other.booking_id]


@pytest.mark.parametrize("change", ["one cancelled", "moved before", "all cancelled"])
def test_an_offer_of_an_earlier_time_ends_when_the_visits_are_others(
    scene: Scene, change: str
) -> None:
    late = scene.booking(start_datetime=NOON + 9 * DAY, total_appointments=2)
    mine = [visit(late, first_name=each) for each in ("Ada", "Ben")]
    freed = [visit(each) for each in in_row(scene, 2)]
    entry = join(scene.practice, visits=mine, people=2, now=NOON + HOUR / 60)
    for each in freed:
        cancel(each, NOON + HOUR)
    look(scene.practice, NOON + HOUR)
    assert len(held(entry)) == 2
    if change == "moved before":
        early = scene.booking(start_datetime=NOON + 8 * HOUR, total_appointments=2)
        to: Any = {each.pk: {"booking_id": early.pk} for each in mine}
        moving.move(to=to, by=scene.actor, now=NOON + HOUR)
    else:
        for each in mine[: 1 if change == "one cancelled" else 2]:
            cancel(each, NOON + HOUR)
    look(scene.practice, NOON + HOUR)
    assert entry.offers.earliest("pk").outcome == "withdrawn"
    entry.refresh_from_db()
    assert entry.status == ("ended" if change == "all cancelled" else "waiting")


def test_a_claim_beside_what_became_free_does_not_go_before_a_family(scene: Scene) -> None:
    one, two = in_row(scene, 2)
    taken = visit(two)
    entry = join(scene.practice, people=2)
    look(scene.practice)
    cancel(taken)
    with pytest.raises(Refused, match="No place"):
        visit(one)
    look(scene.practice)
    assert len(held(entry)) == 2


def test_a_claim_after_another_does_not_read_who_waits(scene: Scene) -> None:
    """Trap: what was only taken is in the feed too, and each claim would read the whole list."""
    first, second, third = in_row(scene, 3)
    join(scene.practice, "Ada", latest=NOON.date())
    look(scene.practice)
    visit(first)
    with CaptureQueriesContext(connection) as captured:
        visit(second)
    assert not [each for each in captured if '"bookings_waitlistentry"."priority"' in each["sql"]]
    join(scene.practice, "Ben")
    with pytest.raises(Refused, match="No place"):
        visit(third)


def test_an_entry_ends_by_itself_and_not_before_its_last_offer_has(scene: Scene) -> None:
    last = NOON + timedelta(days=90) - HOUR
    entry, other = join(scene.practice, "Ada"), join(scene.practice, "Ben")
    scene.booking(start_datetime=last + 2 * DAY, now=last)
    look(scene.practice, last)
    look(scene.practice, last + 2 * HOUR)  # nothing has happened since
    other.refresh_from_db()
    assert (other.status, len(held(entry))) == ("ended", 1)
    accept(entry, last + 2 * HOUR)
    entry.refresh_from_db()
    assert entry.status == "booked"


def test_who_wants_an_earlier_time_is_on_the_list_until_the_visit_begins(scene: Scene) -> None:
    mine = visit(scene.booking())
    entry = join(scene.practice, visits=[mine])
    assert entry.ends_at == mine.booking.start_datetime
    later = scene.booking(start_datetime=NOON + 9 * DAY)
    moving.move(to={mine.pk: {"booking_id": later.pk}}, by=PATIENT, now=NOON)
    for days, status in (8, "waiting"), (9, "ended"):
        look(scene.practice, NOON + days * DAY)
        entry.refresh_from_db()
        assert entry.status == status


def test_who_wants_two_visits_earlier_is_on_the_list_until_the_first_begins(scene: Scene) -> None:
    """With it over, more would be earlier than the next, and no change says so."""
    days = [scene.booking(start_datetime=NOON + timedelta(days=each)) for each in (1, 9)]
    entry = join(scene.practice, people=2, visits=[visit(each) for each in days])
    look(scene.practice, NOON + timedelta(days=1))
    entry.refresh_from_db()
    assert entry.status == "ended"


def test_one_look_ends_the_last_offer_and_then_the_entry(scene: Scene) -> None:
    last = NOON + timedelta(days=90) - HOUR
    entry = join(scene.practice)
    scene.booking(start_datetime=last + 2 * DAY, now=last)
    look(scene.practice, last)
    look(scene.practice, last + 5 * HOUR)
    entry.refresh_from_db()
    assert (entry.status, entry.offers.get().outcome) == ("ended", "unanswered")


def test_in_a_practice_that_is_not_active_nothing_is_offered_or_kept_for_anybody(
    scene: Scene,
) -> None:
    taken = visit(scene.booking())
    entry = join(scene.practice)
    look(scene.practice)
    scene.practice.active = False
    scene.practice.save()
    cancel(taken)
    look(scene.practice)
    assert offer(entry) is None
    visit(taken.booking)
