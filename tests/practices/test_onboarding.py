"""The page "Onboard a practice": everything at once or nothing, and no more than once."""

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.contrib.sessions.models import Session
from django.db import IntegrityError
from django.test import Client

from practices.models import ApiKey, Doctor, Location, Membership, Partner, Practice
from tests import factories
from tests.conftest import Caller, only_once, together
from tests.desk.world import browser, forms, person, said

PAGE = "/admin/onboard/"
TYPED = {
    "name": "Maple Orthodontics",
    "locations-0-name": "Downtown",
    "locations-0-timezone": "America/Chicago",
    "locations-0-state": "Illinois",
    "locations-1-name": "Lakeside",
    "doctors-0-name": "Dr. Ana Maple",
    "doctors-1-name": "Dr. Bo Maple",
    "doctors-1-works_at": ["1"],
    "staff-0-name": "José Ruíz",
    "partner-new_name": "OrthoDesk",
}
MODELS = (Practice, Location, Doctor, Membership, User, Partner, ApiKey, LogEntry)


@pytest.fixture
def operator(db: None, clock: Any) -> Client:
    return browser(person("operator", is_superuser=True))


def sent(client: Client, **values: Any) -> dict[str, Any]:
    """Return what the blank page sends once these values are typed."""
    (form,) = forms(client.get(PAGE), "oc-onboard")
    return {**form, "kind": "exact", **TYPED, **values}


def rows() -> dict[Any, int]:
    return {model: model._default_manager.count() for model in MODELS}


def test_a_practice_is_made_with_all_that_belongs_to_it(operator: Client) -> None:
    answer = operator.post(PAGE, sent(operator))
    practice = Practice.objects.get(name="Maple Orthodontics")
    assert {each.name: each.timezone for each in practice.locations.all()} == {
        "Downtown": "America/Chicago",
        "Lakeside": "America/Chicago",
    }
    assert practice.locations.get(name="Downtown").state_code == "IL"
    at = {
        each.name: [place.name for place in each.locations.all()] for each in Doctor.objects.all()
    }
    assert at == {"Dr. Ana Maple": ["Downtown", "Lakeside"], "Dr. Bo Maple": ["Lakeside"]}
    assert list(Partner.objects.get().practices.all()) == [practice]
    assert "no-store" in answer.headers["Cache-Control"]
    assert "José Ruíz username jose.ruiz" in said(answer)


def test_the_key_works_and_the_invited_person_sees_the_board(operator: Client) -> None:
    page = operator.post(PAGE, sent(operator)).content.decode()
    (key,) = re.findall(r'<code id="key-text">(oc_\w+)</code>', page)
    assert f"Authorization: {key}&quot; http://localhost/scheduling/practices" in page
    listed = Caller(key)("GET", "/scheduling/practices").json()
    assert [each["name"] for each in listed] == ["Maple Orthodontics"]
    (link,) = re.findall(r'<code id="link-1">http://localhost([^<]+)</code>', page)
    invited = Client(headers={"host": "localhost"})
    password = {"new_password1": "correct horse battery", "new_password2": "correct horse battery"}
    invited.post(link, password)
    assert invited.login(username="jose.ruiz", password="correct horse battery")
    assert "Downtown" in said(invited.get("/admin/", follow=True))


def test_links_and_keys_are_in_no_session_message_or_log(operator: Client) -> None:
    answer = operator.post(PAGE, sent(operator))
    secrets = re.findall(r"oc_\w{38}|/invitation/\w+/[\w-]+", answer.content.decode())
    assert len(secrets) >= 2
    kept = [session.get_decoded() for session in Session.objects.all()]
    logged = [*LogEntry.objects.values_list("change_message", flat=True)]
    assert not any(secret in f"{kept}{logged}{answer.cookies}" for secret in secrets)


def test_all_that_is_made_is_in_the_log_of_the_admin(operator: Client) -> None:
    operator.post(PAGE, sent(operator))
    names = [*LogEntry.objects.values_list("content_type__model", "change_message")]
    made = [model for model, message in names if "added" in message]
    assert sorted(made) == sorted(
        ["practice", "location", "location", "doctor", "doctor", "user", "membership", "partner"]
    )
    of_partner = [message for model, message in names if model == "partner"]
    assert any("Granted Maple" in each for each in of_partner)
    assert any("Issued key oc_" in each for each in of_partner)


@only_once  # no row is written; that a failed write leaves none is tested below
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": " "}, "Practice name : This field is required"),
        ({"kind": "both"}, "What patients book : Select a valid choice"),
        ({"locations-0-timezone": ""}, "Location 1: Time zone : This field is required"),
        ({"locations-1-timezone": "Mars/Base"}, "Location 2: Time zone : Select a valid choice"),
        ({"locations-0-name": "x" * 201}, "Location 1: Location name : Ensure this value"),
        ({"doctors-0-name": "\x00"}, "Doctor 1: Doctor’s name : Null characters"),
        ({"locations-1-name": ""}, "Doctor 2: Works only at : Location 2 has no name"),
        ({"locations-1-name": " "}, "Doctor 2: Works only at : Location 2 has no name"),
        ({"doctors-1-works_at": ["99"]}, "Doctor 2: Works only at : Select a valid choice"),
        ({"staff-0-username": "operator"}, "Person 1: Username : Somebody has this username"),
        ({"staff-0-email": "jose"}, "Person 1: E-mail : Enter a valid email address"),
        ({"staff-0-username": "a b"}, "Person 1: Username : Enter a valid username"),
        ({"partner-new_name": "Taken"}, "Taken already exists. Choose it from the list"),
        ({"partner-existing": "\x00"}, "Or an existing partner : Null characters"),
        ({"once": "forged"}, "This page was out of date. Send it again."),
        ({"locations-TOTAL_FORMS": "x"}, "Nothing was created yet"),
    ],
)
def test_a_mistake_makes_nothing_and_loses_nothing(
    values: dict[str, Any], words: str, operator: Client
) -> None:
    factories.partner(name="Taken", granted=[])
    typed, before = sent(operator, **values), rows()
    answer = operator.post(PAGE, typed)
    assert answer.status_code == 400
    assert words in said(answer)
    assert "<title>Error: Onboard a practice" in answer.content.decode()
    assert rows() == before
    (again,) = forms(answer, "oc-onboard")
    for name in ("doctors-0-name", "staff-0-name", "partner-new_name"):
        assert again[name] == [typed[name].strip()]


def test_a_mistake_is_tied_to_its_field(operator: Client) -> None:
    page = operator.post(PAGE, sent(operator, name="")).content.decode()
    field = re.findall(r'<input[^>]* name="name"[^>]*>', page)[0]
    assert 'aria-invalid="true"' in field
    assert 'aria-describedby="id_name_error"' in field
    assert 'id="id_name_error"' in page
    assert '<a href="#id_name">' in page


def test_more_rows_lose_nothing_and_say_nothing_of_mistakes(operator: Client) -> None:
    typed = sent(operator, name="", more="doctors")
    answer = operator.post(PAGE, typed)
    assert answer.status_code == 200
    assert "This field is required" not in said(answer)
    (form,) = forms(answer, "oc-onboard")
    assert form["doctors-TOTAL_FORMS"] == ["4"]
    assert form["doctors-1-works_at"] == ["1"]
    assert form["locations-1-name"] == ["Lakeside"]
    filled = {**form, **TYPED, "kind": "exact", "doctors-3-name": "Dr. Cy Maple"}
    operator.post(PAGE, filled)
    assert Doctor.objects.count() == 3


def test_the_number_of_rows_has_an_end(operator: Client) -> None:
    answer = operator.post(PAGE, sent(operator, **{"staff-TOTAL_FORMS": "1000000"}, more="staff"))
    assert answer.content.decode().count(">Person ") == 50


def test_sent_again_it_makes_no_second_practice(operator: Client) -> None:
    typed = sent(operator)
    operator.post(PAGE, typed)
    before = rows()
    again = operator.post(PAGE, typed, follow=True)
    assert "This practice was already created" in said(again)
    assert again.redirect_chain[0][0].endswith("/hub/")
    assert rows() == before


@pytest.mark.django_db(transaction=True)
def test_sent_twice_at_once_it_makes_one_practice() -> None:
    operator = browser(person("operator", is_superuser=True))
    typed = sent(operator)
    answers = together(3, lambda: operator.post(PAGE, typed).status_code)
    assert sorted(answers) == [200, 302, 302]
    assert (Practice.objects.count(), Partner.objects.count(), User.objects.count()) == (1, 1, 2)


def test_all_is_made_or_nothing(operator: Client, monkeypatch: Any) -> None:
    typed, before = sent(operator), rows()

    def fails(*args: Any, **values: Any) -> Any:
        raise IntegrityError  # as where a colleague was quicker with the same name

    monkeypatch.setattr(type(ApiKey.objects), "issue", fails)
    answer = operator.post(PAGE, typed)
    assert (answer.status_code, rows()) == (409, before)
    assert "Nothing was created: send it again" in said(answer)


def test_a_name_that_another_practice_has_wants_a_tick(operator: Client) -> None:
    factories.practice(name="maple orthodontics")
    typed = sent(operator)
    refused = operator.post(PAGE, typed)
    assert "There is already a practice called maple orthodontics" in said(refused)
    assert operator.post(PAGE, {**typed, "same_name": "on"}).status_code == 200
    assert Practice.objects.count() == 2


def test_an_existing_partner_is_granted_it_and_gets_a_key_only_if_asked(operator: Client) -> None:
    partner = factories.partner(name="Here", granted=[])
    chosen = {"partner-new_name": "", "partner-existing": partner.pk}
    operator.post(PAGE, sent(operator, **chosen))
    assert (partner.practices.count(), partner.keys.count()) == (1, 0)
    chosen |= {"partner-another_key": "on", "name": "Second"}
    assert "oc_" in said(operator.post(PAGE, sent(operator, **chosen)))
    assert (partner.practices.count(), partner.keys.count()) == (2, 1)


def test_a_partner_that_may_only_read_may_fill_practices_after_a_tick(operator: Client) -> None:
    partner = factories.partner(name="Reader", authorized=False)
    typed = sent(operator, **{"partner-new_name": "", "partner-existing": partner.pk})
    assert "Reader may only read so far" in said(operator.post(PAGE, typed))
    operator.post(PAGE, {**typed, "partner-may_write": "on"})
    partner.refresh_from_db()
    assert partner.special_authorization


def test_usernames_are_made_of_names_and_never_twice(operator: Client) -> None:
    person("ana.ruiz")
    names = {"staff-0-name": "Ana Ruiz", "staff-1-name": "Ana Ruíz", "staff-2-name": "王芳"}
    operator.post(PAGE, sent(operator, **names, **{"staff-TOTAL_FORMS": "3"}))
    made = {*Membership.objects.values_list("user__username", flat=True)}
    assert made == {"ana.ruiz2", "ana.ruiz3", "staff"}


def test_it_is_for_operators_alone(db: None) -> None:
    staff = browser(person("desk", factories.practice()))
    assert [staff.get(PAGE).status_code, staff.post(PAGE, TYPED).status_code] == [403, 403]
    assert Client().get(PAGE, headers={"host": "localhost"}).status_code == 302
    assert Practice.objects.count() == 1
