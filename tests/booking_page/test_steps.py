"""The steps before the places are held: who, where, on which day, at what time."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bookings.booking_page import preview
from bookings.booking_page.state import LASTS
from bookings.models import Appointment, Booking
from practices.models import Kind
from tests import factories
from tests.booking_page.walk import ADULT, CHILDREN, Patient, opened
from tests.conftest import only_once
from tests.factories import NOON, Scene

# How days, holds and moves come out on either engine: test_free_days, test_holding, test_outcomes.
pytestmark = [pytest.mark.django_db, only_once]


@pytest.fixture
def house(clock: Any) -> Scene:
    """A practice whose page is on, with a time on each of the next days."""
    scene = Scene()
    opened(scene.practice)
    publish(scene, "2 9:00", "2 9:45", "3 13:00")
    return scene


def publish(scene: Scene, *walls: str, **values: Any) -> list[Booking]:
    """Publish openings of 45 minutes at these wall times in June 2026: "2 9:45"."""
    starts = [datetime.strptime(f"2026-06-{wall}", "%Y-%m-%d %H:%M") for wall in walls]  # noqa: DTZ007  # wall time
    return [scene.booking(start_datetime=each, length=45, **values) for each in starts]


def test_an_adult_without_a_choice_of_place_goes_from_name_to_day_to_time(
    house: Scene, clock: Any
) -> None:
    patient = Patient(house.practice, clock).send(**ADULT)
    assert patient.step == "day"
    assert [*patient.choices("day")] == ["Tuesday, June 2, 2026", "Wednesday, June 3, 2026"]
    patient.choose("day", "Tuesday")
    assert patient.step == "time"
    assert "A visit for Ann Lee" in patient.text
    assert "Tuesday, June 2, 2026" in patient.text
    assert "Eastern Time" in patient.text
    assert [*patient.choices("time")] == ["9:00 AM", "9:45 AM"]
    patient.choose("time", "9:45")
    (held,) = Appointment.objects.all()
    assert (held.status, held.person.first_name) == ("pending", "Ann")


def test_children_need_a_guardian_and_see_times_side_by_side(house: Scene, clock: Any) -> None:
    patient = Patient(house.practice, clock).send(**{**CHILDREN, "guardian_name": " "})
    assert patient.status == 400
    assert patient.text.count("Enter the parent or guardian’s name") == 2
    patient.send(**CHILDREN).choose("day")
    assert [*patient.choices("time")] == ["9:00 AM, 9:45 AM Ann Lee · 9:00 AM Ben Lee · 9:45 AM"]
    patient.choose("time")
    names = {
        each.person.first_name: each.person.guardian_name for each in Appointment.objects.all()
    }
    assert names == {"Ann": "Joan Lee", "Ben": "Joan Lee"}
    assert Appointment.objects.values("group_id").distinct().count() == 1


def test_what_is_missing_is_said_at_the_field_and_above_and_nothing_is_cleared(
    house: Scene, clock: Any
) -> None:
    patient = Patient(house.practice, clock).send(
        count="2", first_name_1="Ann", first_name_2="x" * 101
    )
    assert patient.status == 400
    assert patient.html.count("<title>Error: ") == 1
    links = re.findall(r'<li><a href="#([^"]*)">', patient.html)
    assert links == ["id_last_name_1", "id_first_name_2", "id_last_name_2", "id_adult_0"]
    for field in links:
        assert f'id="{field}"' in patient.html
    assert 'value="Ann"' in patient.html
    assert "x" * 101 in patient.html


def test_today_is_offered_at_an_office_where_it_is_still_yesterday_elsewhere(
    clock: Any, db: None
) -> None:
    scene = Scene(timezone="Pacific/Honolulu")
    factories.doctor(factories.location(scene.practice, "America/New_York", name="A first one"))
    opened(scene.practice)
    scene.booking(start_datetime=datetime(2026, 6, 2, 22))  # noqa: DTZ001  # wall time
    clock.move_to(datetime(2026, 6, 3, 5, tzinfo=UTC))  # 7 PM there, 1 AM of the next day here
    patient = Patient(scene.practice, clock).send(**ADULT).send(location="", doctor="")
    assert [*patient.choices("day")] == ["Tuesday, June 2, 2026"]


def test_names_of_more_people_than_come_are_left_aside(house: Scene, clock: Any) -> None:
    patient = Patient(house.practice, clock)
    patient.send(**ADULT, first_name_2="\0", guardian_name="x" * 300)
    assert patient.step == "day"


@pytest.mark.parametrize(
    "name", ["Zoë-Anaïs O’Brien", "محمد", "李", "👨‍👩‍👧", "<b>x</b>", "\u202eevil", "a\tb"]
)
def test_any_letters_are_a_name(house: Scene, clock: Any, name: str) -> None:
    patient = Patient(house.practice, clock).send(**{**ADULT, "first_name_1": name})
    assert patient.step == "day"
    assert "<b>x" not in patient.html


@pytest.mark.parametrize("name", ["x" * 10_000, "\0", "a\0b"])
def test_what_is_no_name_is_said_at_the_field(house: Scene, clock: Any, name: str) -> None:
    patient = Patient(house.practice, clock).send(**{**ADULT, "first_name_1": name})
    assert (patient.status, patient.step) == (400, "")
    assert re.findall(r'<li><a href="#([^"]*)">', patient.html) == ["id_first_name_1"]


def test_names_that_no_address_could_carry_are_refused(house: Scene, clock: Any) -> None:
    long = {f"{of}_name_{nth}": "👨" * 100 for of in ("first", "last") for nth in range(1, 5)}
    patient = Patient(house.practice, clock).send(**{**ADULT, **long, "count": "4"})
    assert patient.status == 400
    assert "These names are too long" in patient.text


def test_a_field_that_people_do_not_see_is_a_robot_s(house: Scene, clock: Any) -> None:
    patient = Patient(house.practice, clock).send(**ADULT, website="https://x.example")
    assert patient.status == 400
    assert "Call the office" in patient.text


def test_a_form_sent_within_three_seconds_is_sent_once_more_by_a_person(
    house: Scene, clock: Any
) -> None:
    patient = Patient(house.practice, clock)
    clock.shift(-8)
    patient.send(**ADULT)
    assert patient.status == 400
    assert "call the office" in patient.text
    assert 'value="Ann"' in patient.html
    assert patient.send(**ADULT).step == "day"


def test_a_place_and_a_doctor_are_asked_where_there_is_a_choice(house: Scene, clock: Any) -> None:
    west = factories.location(house.practice, name="West", street_address="1 <i>", city="Yonkers")
    keller = factories.doctor(west, name="Dr. Keller")
    publish(house, "4 9:00", location_id=west.pk, doctor_id=keller.pk)
    patient = Patient(house.practice, clock).send(**ADULT)
    assert patient.step == "where"
    assert [*patient.choices("location")] == [
        "Any office",
        "Chesterfield",
        "West 1 <i>, Yonkers",
    ]
    any_of_both = patient.address
    patient.send(location="", doctor="")
    assert [*patient.choices("day")][-1] == "Thursday, June 4, 2026"
    assert [*patient.choose("day", "Thursday").choices("time")] == ["9:00 AM Dr. Keller · West"]
    patient.get(any_of_both).send(location=house.location.pk, doctor=keller.pk)
    assert "Dr. Keller does not work at this office" in patient.text
    patient.send(location=west.pk, doctor=keller.pk)
    assert [*patient.choices("day")] == ["Thursday, June 4, 2026"]
    foreign = Scene()
    assert patient.get(any_of_both).send(location=foreign.location.pk).status == 400


def test_only_what_the_practice_shows_is_offered(house: Scene, clock: Any) -> None:
    west = factories.location(house.practice, name="West")
    publish(house, "4 9:00", location_id=west.pk, doctor_id=factories.doctor(west).pk)
    page = opened(house.practice, horizon_days=1)
    page.locations.set([house.location])
    patient = Patient(house.practice, clock).send(**ADULT)
    assert patient.step == "day"
    assert [*patient.choices("day")] == ["Tuesday, June 2, 2026"]


def test_there_are_ten_days_a_page_with_later_and_earlier_ones(house: Scene, clock: Any) -> None:
    publish(house, *(f"{day} 9:00" for day in range(4, 28)))
    patient = Patient(house.practice, clock).send(**ADULT)
    assert len(patient.choices("day")) == 10
    assert "Earlier dates" not in patient.text
    patient.follow("Later dates")
    assert next(iter(patient.choices("day"))) == "Friday, June 12, 2026"
    assert patient.send().status == 400
    assert next(iter(patient.choices("day"))) == "Friday, June 12, 2026"
    patient.follow("Later dates").follow("Earlier dates")
    assert next(iter(patient.choices("day"))) == "Friday, June 12, 2026"
    patient.follow("Earlier dates")
    assert next(iter(patient.choices("day"))) == "Tuesday, June 2, 2026"
    assert "Earlier dates" not in patient.text


def test_a_range_practice_offers_parts_of_the_day_and_says_when_it_answers(clock: Any) -> None:
    scene = Scene(Kind.RANGE)
    opened(scene.practice, promise_en="by noon the next business day")
    publish(scene, "2 9:00", "2 15:00", "2 16:00")
    patient = Patient(scene.practice, clock).send(**CHILDREN).choose("day")
    assert [*patient.choices("time")] == ["Late afternoon, from 2:30 PM"]
    assert "by noon the next business day" in patient.text
    patient.choose("time")
    assert Appointment.objects.filter(status="pending").count() == 2


def test_back_keeps_everything_and_one_s_own_hold_never_blocks(house: Scene, clock: Any) -> None:
    patient = Patient(house.practice, clock).send(**CHILDREN).choose("day")
    before = patient.address
    patient.choose("time")
    assert len(patient.get(before).choices("time")) == 1
    patient.follow("Back").follow("Back")
    for name in ("Ann", "Ben", "Joan Lee"):
        assert f'value="{name}"' in patient.html
    alone = Patient(house.practice, clock).send(**ADULT)
    assert [*alone.choices("day")] == ["Wednesday, June 3, 2026"]


def test_the_language_changes_at_every_step_and_keeps_what_was_said(
    house: Scene, clock: Any
) -> None:
    patient = Patient(house.practice, clock).send(**ADULT).choose("day").follow("Español")
    assert patient.path == f"/es/book/{house.practice.pk}/time"
    assert '<html lang="es">' in patient.html
    assert "Ann Lee" in patient.text
    assert "9:00 a. m." in patient.text.replace("\N{NO-BREAK SPACE}", " ")
    assert patient.follow("English").path == f"/book/{house.practice.pk}/time"


def test_where_a_patient_came_from_goes_with_the_visit(house: Scene, clock: Any) -> None:
    patient = Patient(house.practice, clock)
    query = (
        "source=p1&booking-referral=r1&utm_source=news&utm_medium=a%00b&utm_campaign=" + "x" * 101
    )
    patient.get(f"/book/{house.practice.pk}?{query}").send(**ADULT).choose("day").choose("time")
    (held,) = Appointment.objects.all()
    assert held.source == "p1"
    assert held.attribution == {"booking_referral": "r1", "utm_source": "news"}
    assert "utm_" not in patient.address


def test_a_state_that_is_too_old_begins_anew_but_names_that_were_typed_stay(
    house: Scene, clock: Any
) -> None:
    patient = Patient(house.practice, clock).send(**ADULT)
    first = Patient(house.practice, clock)
    clock.shift(LASTS + 2)
    assert "Start over" in patient.get(patient.address).text
    first.send(**ADULT)
    assert 'value="Ann"' in first.html
    assert first.send(**ADULT).step == "day"


@pytest.mark.parametrize("step", ["where", "day", "time"])
def test_a_step_out_of_order_leads_to_the_one_that_is_missing(
    house: Scene, clock: Any, step: str
) -> None:
    patient = Patient(house.practice, clock).get(f"/book/{house.practice.pk}/{step}")
    assert (patient.status, patient.step) == (200, "")
    day = patient.send(**ADULT).address
    assert patient.get(day.replace("/day", "/time")).step == "day"


def test_a_state_of_another_practice_is_none(house: Scene, clock: Any) -> None:
    other = Scene()
    opened(other.practice)
    patient = Patient(other.practice, clock).send(**ADULT)
    there = patient.address.replace(other.practice.pk, house.practice.pk)
    assert "Start over" in patient.get(there).text


@pytest.mark.parametrize("day", ["", "x", "2026-13-01", "0001-01-01", "9999-12-31", "\0", "\ud800"])
def test_a_day_that_is_none_is_asked_again(house: Scene, clock: Any, day: str) -> None:
    patient = Patient(house.practice, clock).send(**ADULT)
    days = patient.address
    odd: Any = day.encode("utf-8", "surrogatepass")
    assert patient.send(day=odd).text.count("Choose a day") >= 2
    for name in ("from", "before"):
        asked = patient.client.get(days, {"state": days.partition("state=")[2], name: odd})
        assert asked.status_code in {200, 400}


def test_a_time_that_is_not_offered_is_not_held(house: Scene, clock: Any) -> None:
    foreign = Scene().booking(start_datetime=NOON + timedelta(days=1))
    for wanted in (foreign.pk, "x" * 5000, "\0", "....", "2026"):
        patient = Patient(house.practice, clock).send(**ADULT).choose("day")
        patient.send(time=wanted)
        assert patient.status < 500
        assert not Appointment.objects.exists()


def test_a_preview_holds_nothing(house: Scene, clock: Any) -> None:
    patient = Patient(house.practice, clock)
    opened(house.practice, active=False)
    patient.get(f"/book/{house.practice.pk}?preview={preview.token(house.practice.pk)}")
    patient.send(**ADULT).choose("day").choose("time")
    assert "The preview ends here" in patient.text
    assert not Appointment.objects.exists()


def test_the_other_language_takes_what_is_typed_along_without_a_word_about_mistakes(
    house: Scene, clock: Any
) -> None:
    patient = Patient(house.practice, clock)
    patient.html = patient.html.replace('action="/book/', 'action="/es/book/')
    patient.send(language="", count="3", first_name_3="Cy", guardian_name="Joan", adult="no")
    assert (patient.status, patient.step) == (200, "")
    assert "¿Quién viene?" in patient.text
    assert "Error:" not in patient.text
    for typed in ('value="Cy"', 'value="Joan"', 'value="3" checked', 'value="no" checked'):
        assert typed.replace(" checked", "") in patient.html
    assert re.search('value="3"[^>]* checked', patient.html)


def test_a_day_begins_with_a_capital_in_spanish_too(house: Scene, clock: Any) -> None:
    patient = Patient(house.practice, clock, "/es").send(**ADULT)
    assert [*patient.choices("day")] == [
        "Martes 2 de junio de 2026",
        "Miércoles 3 de junio de 2026",
    ]
    assert "Hora del Este" in patient.choose("day").text


def test_a_family_without_room_is_told_what_else_it_can_do(house: Scene, clock: Any) -> None:
    four = {**CHILDREN, "count": "4"}
    names = {f"{which}_name_{nth}": "Lee" for which in ("first", "last") for nth in (3, 4)}
    patient = Patient(house.practice, clock).send(**four, **names)
    assert "Book for fewer people at a time" in patient.text
    assert "any doctor" not in patient.text
    assert patient.follow("Change who is coming").text.count("Person 4") == 1
    assert 'value="Lee"' in patient.html
