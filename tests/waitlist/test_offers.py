"""Offers of the waiting list: to whom, of what, until when (contract, section 8)."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bookings.models import Appointment, Booking, Event, WaitlistEntry
from bookings.scheduling import appointments
from bookings.scheduling.actors import PATIENT
from bookings.scheduling.waitlist import answers, entries
from openchair.errors import Refused
from practices.models import Kind
from tests.factories import NOON, Scene
from tests.test_races import inconsistencies
from tests.waitlist.families import decline, held, join, look, mailed, offer

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


def book(booking: Booking, **fields: Any) -> Appointment:
    said: Any = {"status": "booked", "first_name": "Zoe", **fields}
    return appointments.take(booking_id=booking.pk, fields=said, by=PATIENT, now=NOON)


def cancel(visit: Appointment, now: datetime = NOON) -> None:
    appointments.cancel(appointment_id=visit.pk, by=PATIENT, now=now)


def test_a_cancelled_place_is_held_for_the_first_who_fits(scene: Scene) -> None:
    booking = scene.booking()
    visit = book(booking)
    first, second = join(scene.practice, "Ada"), join(scene.practice, "Ben")
    look(scene.practice)
    assert offer(first) is None
    cancel(visit)
    look(scene.practice)
    (place,) = held(first)
    assert (place.booking_id, place.status, place.person.first_name) == (
        booking.pk,
        "pending",
        "Ada",
    )
    assert held(second) == []
    assert Event.objects.filter(appointment=place).get().actor == "clock"
    booking.refresh_from_db()
    assert (booking.status, booking.free_places) == ("pending", 0)
    assert inconsistencies() == []


def test_an_offer_ends_on_the_second_and_goes_to_the_next(scene: Scene) -> None:
    scene.booking()
    first, second = join(scene.practice, "Ada"), join(scene.practice, "Ben")
    look(scene.practice)
    until = held(first)[0].pending_until
    assert until == datetime(2026, 6, 1, 20, tzinfo=UTC)  # four hours of daylight
    look(scene.practice, until - timedelta(milliseconds=1))
    assert offer(second) is None
    look(scene.practice, until)
    assert offer(first) is None
    assert len(held(second)) == 1
    assert first.offers.get().outcome == "unanswered"


@pytest.mark.parametrize(
    ("begins", "until"),
    [
        (timedelta(days=1, hours=-3), "16:00"),  # 21 hours, of which a quarter is more than four
        (timedelta(hours=8), "14:00"),  # a quarter of eight hours
        (timedelta(hours=4), "13:00"),
        (timedelta(hours=4, minutes=-1), None),
    ],
)
def test_the_nearer_the_visit_the_shorter_the_offer(
    scene: Scene, begins: timedelta, until: str | None
) -> None:
    scene.booking(start_datetime=NOON + begins)
    entry = join(scene.practice)
    look(scene.practice)
    ends = [each.pending_until for each in held(entry)]
    zone = scene.location.zone
    assert [f"{each.astimezone(zone):%H:%M}" for each in ends if each] == ([until] if until else [])


def test_the_night_does_not_count_but_no_offer_outlives_two_hours_before_the_visit(
    scene: Scene,
) -> None:
    evening = NOON + 7 * HOUR  # 19:00 in New York
    later = scene.booking(start_datetime=evening + timedelta(days=3))
    entry = join(scene.practice, "Ada", earliest=(evening + timedelta(days=2)).date())
    soon = scene.booking(start_datetime=evening + 13 * HOUR)
    other = join(scene.practice, "Ben", latest=(evening + timedelta(days=1)).date())
    look(scene.practice, evening)
    assert [each.booking_id for each in held(entry)] == [later.pk]
    assert held(entry)[0].pending_until == evening + 18 * HOUR
    assert [each.booking_id for each in held(other)] == [soon.pk]
    assert held(other)[0].pending_until == evening + 11 * HOUR


def test_two_unanswered_offers_pause_a_family_and_an_answer_starts_anew(scene: Scene) -> None:
    scene.booking()
    scene.booking(start_datetime=NOON + timedelta(days=2))
    entry = join(scene.practice)
    for days in (0, 1):
        look(scene.practice, NOON + timedelta(days=days, hours=5))
        mailed(entry)
    look(scene.practice, NOON + timedelta(days=1, hours=23))
    entry.refresh_from_db()
    assert (entry.status, entry.offers.count()) == ("paused", 2)
    entries.resume(entry_id=entry.pk, by=PATIENT, now=NOON + timedelta(days=3))
    entry.refresh_from_db()
    assert (entry.status, entry.unanswered) == ("waiting", 0)


def test_who_was_not_told_of_an_offer_is_not_paused_for_not_answering(scene: Scene) -> None:
    scene.booking()
    scene.booking(start_datetime=NOON + timedelta(days=2))
    entry = join(scene.practice)
    for days in (0, 1, 2):
        look(scene.practice, NOON + timedelta(days=days, hours=5))
    entry.refresh_from_db()
    assert (entry.status, entry.offers.count(), entry.unanswered) == ("waiting", 2, 0)


def test_who_declines_stays_in_turn_and_is_not_offered_the_same_again(scene: Scene) -> None:
    scene.booking()
    entry = join(scene.practice)
    look(scene.practice)
    found = offer(entry)
    assert found is not None
    decline(offer_id=found.pk, by=PATIENT, now=NOON, leaves=False)
    look(scene.practice)
    assert offer(entry) is None
    other = scene.booking(start_datetime=NOON + timedelta(days=2))
    look(scene.practice)
    assert [each.booking_id for each in held(entry)] == [other.pk]


def test_who_declines_and_leaves_is_off_the_list(scene: Scene) -> None:
    booking = scene.booking()
    entry = join(scene.practice)
    look(scene.practice)
    found = offer(entry)
    assert found is not None
    decline(offer_id=found.pk, by=PATIENT, now=NOON, leaves=True)
    entry.refresh_from_db()
    booking.refresh_from_db()
    assert (entry.status, booking.status) == ("left", "open")


def test_who_accepts_has_the_place_and_is_off_the_list(scene: Scene) -> None:
    booking = scene.booking()
    entry = join(scene.practice)
    look(scene.practice)
    found = offer(entry)
    assert found is not None
    (visit,) = answers.accept(offer_id=found.pk, by=PATIENT, now=NOON)
    assert (visit.status, visit.booking_id) == ("booked", booking.pk)
    entry.refresh_from_db()
    assert entry.status == "booked"
    assert [event.act for event in entry.events.all()] == ["joined", "booked"]


def test_accepting_late_is_a_plain_claim(scene: Scene) -> None:
    scene.booking()
    entry = join(scene.practice)
    look(scene.practice)
    found, late = offer(entry), NOON + 5 * HOUR
    assert found is not None
    (visit,) = answers.accept(offer_id=found.pk, by=PATIENT, now=late)
    assert visit.status == "booked"


def test_accepting_late_is_refused_where_it_is_the_turn_of_the_next(scene: Scene) -> None:
    scene.booking()
    entry, other = join(scene.practice, "Ada"), join(scene.practice, "Ben")
    look(scene.practice)
    found, late = offer(entry), NOON + 5 * HOUR
    assert found is not None
    with pytest.raises(Refused, match="No place"):  # nobody has looked since it ended
        answers.accept(offer_id=found.pk, by=PATIENT, now=late)
    look(scene.practice, late)
    assert len(held(other)) == 1


def test_a_claim_does_not_go_before_those_who_wait(scene: Scene) -> None:
    visit = book(scene.booking())
    entry = join(scene.practice)
    look(scene.practice)
    cancel(visit)
    with pytest.raises(Refused, match="No place"):
        book(visit.booking)
    look(scene.practice)
    assert len(held(entry)) == 1


def test_of_several_places_those_are_free_for_whom_nobody_waits(scene: Scene) -> None:
    booking = scene.booking(total_appointments=3)
    visits = [book(booking) for _ in range(3)]
    join(scene.practice)
    look(scene.practice)
    for each in visits[:2]:
        cancel(each)
    book(booking)
    with pytest.raises(Refused):
        book(booking)


def test_who_has_booked_elsewhere_is_off_the_list(scene: Scene) -> None:
    entry = join(scene.practice, "Ada")
    sibling = join(scene.practice, "Ben", email="ada@family.example")
    other = scene.booking(start_datetime=NOON + timedelta(days=5), total_appointments=2)
    look(scene.practice)
    said: Any = {"status": "booked", "first_name": "ada", "last_name": "BYRON"}
    said["email"] = "Ada@family.example"
    taken = scene.booking(start_datetime=NOON + timedelta(minutes=30))
    appointments.take(booking_id=taken.pk, fields=said, by=scene.actor, now=NOON + HOUR / 4)
    look(scene.practice, NOON + HOUR / 4)
    entry.refresh_from_db()
    sibling.refresh_from_db()
    assert (entry.status, sibling.status) == ("booked", "waiting")
    assert entry.offers.get().outcome == "withdrawn"
    other.refresh_from_db()
    assert other.free_places == 1


def test_who_books_what_they_held_before_they_joined_is_off_the_list(scene: Scene) -> None:
    booking = scene.booking(start_datetime=NOON + timedelta(minutes=30))
    said: Any = {"first_name": "Ada", "last_name": "Byron", "email": "ada@family.example"}
    held_first = book(booking, **said, status="pending")
    entry = join(scene.practice, "Ada", now=NOON + timedelta(minutes=1))
    then = NOON + timedelta(minutes=2)
    appointments.edit(
        appointment_id=held_first.pk, fields={"status": "booked"}, by=PATIENT, now=then
    )
    look(scene.practice, then)
    entry.refresh_from_db()
    assert entry.status == "booked"


def test_who_wants_an_earlier_time_is_moved_in_one_act(scene: Scene) -> None:
    later = scene.booking(start_datetime=NOON + timedelta(days=9))
    mine = book(later, email="ada@family.example", first_name="Ada")
    early = book(scene.booking())
    seen = scene.booking(start_datetime=NOON + timedelta(days=3))
    entry = join(scene.practice, visits=[mine], now=NOON + HOUR)
    look(scene.practice, NOON + HOUR)
    assert offer(entry) is None  # what was free when they joined they did not want
    cancel(early, NOON + 2 * HOUR)
    look(scene.practice, NOON + 2 * HOUR)
    found = offer(entry)
    assert found is not None
    (visit,) = answers.accept(offer_id=found.pk, by=PATIENT, now=NOON + 3 * HOUR)
    assert (visit.pk, visit.booking_id, visit.status) == (mine.pk, early.booking_id, "booked")
    later.refresh_from_db()
    seen.refresh_from_db()
    assert (later.status, seen.status) == ("open", "open")
    assert inconsistencies() == []


def test_a_family_is_offered_places_side_by_side_or_nothing(scene: Scene) -> None:
    at = [NOON + timedelta(days=1, minutes=minutes) for minutes in (0, 30, 60)]
    made = [scene.booking(start_datetime=each, length=30) for each in at]
    middle = book(made[1])
    entry = join(scene.practice, people=3, others=[("Ben", "Byron"), ("Cleo", "Byron")])
    alone = join(scene.practice, "Dan", latest=at[0].date(), weekdays=["mon"])
    look(scene.practice)
    assert (offer(entry), offer(alone)) == (None, None)
    cancel(middle)
    look(scene.practice)
    assert [each.booking_id for each in held(entry)] == [each.pk for each in made]
    assert [each.person.first_name for each in held(entry)] == ["Ada", "Ben", "Cleo"]
    found = offer(entry)
    assert found is not None
    assert len(answers.accept(offer_id=found.pk, by=PATIENT, now=NOON)) == 3


def test_whoever_was_put_first_is_offered_the_place(scene: Scene) -> None:
    join(scene.practice, "Ada")
    second = join(scene.practice, "Ben")
    entries.put_first(entry_id=second.pk, by=scene.actor, now=NOON)
    scene.booking()
    look(scene.practice)
    assert len(held(second)) == 1


@pytest.mark.usefixtures("db", "clock")
def test_in_a_range_practice_the_place_is_reserved() -> None:
    scene = Scene(Kind.RANGE)
    scene.booking(total_appointments=4)
    entry = join(scene.practice, parts=["morning"])
    look(scene.practice)
    found = offer(entry)
    assert found is not None
    (visit,) = answers.accept(offer_id=found.pk, by=PATIENT, now=NOON)
    assert visit.status == "reserved"


def test_an_entry_ends_after_90_days(scene: Scene) -> None:
    entry = join(scene.practice)
    later = NOON + timedelta(days=90)
    scene.booking(start_datetime=later + timedelta(days=1), now=later)
    look(scene.practice, later)
    assert WaitlistEntry.objects.get(pk=entry.pk).status == "ended"
    assert offer(entry) is None
