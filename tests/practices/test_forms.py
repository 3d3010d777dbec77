"""Operators' and staff's forms of Django's admin: what they ask, offer and lead back to."""

from typing import Any

import pytest
from django.test import Client

from practices.models import Location, OwnSystem, Practice
from tests import factories
from tests.desk.world import browser, person, said
from tests.factories import Scene

HUB = "/admin/desk/{}/hub/"


@pytest.fixture
def operator(scene: Scene) -> Client:
    factories.practice(name="Another")
    return browser(person("operator", is_superuser=True))


def address(model: str, scene: Scene, *, back: str = "") -> str:
    query = f"practice={scene.practice.pk}&next={back or HUB.format(scene.practice.pk)}"
    return f"/admin/practices/{model}/add/?{query}"


def test_a_time_zone_is_chosen_those_of_the_united_states_first(
    scene: Scene, operator: Client
) -> None:
    page = operator.get(address("location", scene)).content.decode()
    assert page.index("Eastern (New York)") < page.index("Africa/Abidjan")
    sent = {"practice": scene.practice.pk, "name": "West", "timezone": "America/Phoenix"}
    operator.post(address("location", scene), sent)
    assert Location.objects.get(name="West").timezone == "America/Phoenix"
    refused = operator.post(address("location", scene), {**sent, "timezone": "Central time"})
    assert "Select a valid choice" in said(refused)


def test_a_time_zone_that_is_not_offered_any_more_can_be_kept(
    scene: Scene, operator: Client
) -> None:
    Location.objects.update(timezone="US/Eastern")
    path = f"/admin/practices/location/{scene.location.pk}/change/"
    assert '<option value="US/Eastern" selected>' in operator.get(path).content.decode()
    assert operator.post(path, {"name": "Same", "timezone": "US/Eastern"}).status_code == 302


def test_the_letters_of_a_state_follow_from_its_name(scene: Scene, operator: Client) -> None:
    path = f"/admin/practices/location/{scene.location.pk}/change/"
    for typed, chosen, code in (
        ("new york ", "", "NY"),
        ("New Jersey", "NY", "NJ"),
        ("Ontario", "", None),
        ("", "CT", "CT"),
    ):
        sent = {"name": "Same", "timezone": "America/New_York", "state": typed}
        sent["state_code"] = chosen
        assert operator.post(path, sent).status_code == 302
        scene.location.refresh_from_db()
        assert scene.location.state_code == code, typed


def test_a_doctor_s_npi_has_a_check_digit(scene: Scene, operator: Client) -> None:
    path = f"/admin/practices/doctor/{scene.doctor.pk}/change/"
    sent = {"name": "Dr. Reyes", "locations": [scene.location.pk]}
    for wrong in ("1234567890", "123456789", "abcdefghij", "3234567893"):
        assert "This is not an NPI" in said(operator.post(path, {**sent, "npi": wrong}))
    assert operator.post(path, {**sent, "npi": "1234567893"}).status_code == 302
    scene.doctor.refresh_from_db()
    assert scene.doctor.npi == "1234567893"


def test_a_form_that_came_from_the_hub_knows_the_practice_and_goes_back(
    scene: Scene, operator: Client
) -> None:
    page = operator.get(address("doctor", scene)).content.decode()
    assert f'<option value="{scene.practice.pk}" selected>' in page
    sent = {"practice": scene.practice.pk, "name": "Dr. New", "locations": [scene.location.pk]}
    saved = operator.post(address("doctor", scene), sent)
    assert saved.headers["Location"] == HUB.format(scene.practice.pk)
    assert "was added successfully" in said(operator.get(saved.headers["Location"]))


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example", "javascript:x", "\x00", "//[", "nowhere"]
)
def test_a_form_leads_to_no_other_site(back: str, scene: Scene, operator: Client) -> None:
    sent = {"practice": scene.practice.pk, "name": "Dr. New"}
    saved = operator.post(address("doctor", scene, back=back), sent)
    assert saved.headers["Location"] == "/admin/practices/doctor/"


def test_staff_of_one_practice_need_not_choose_it(scene: Scene) -> None:
    page = browser(person("desk", scene.practice)).get("/admin/practices/doctor/add/")
    assert f'<option value="{scene.practice.pk}" selected>' in page.content.decode()


def test_ids_are_made_by_themselves_and_shown_to_be_told_to_partners(
    scene: Scene, operator: Client
) -> None:
    for model, row in (
        ("practice", scene.practice),
        ("location", scene.location),
        ("doctor", scene.doctor),
        ("partner", scene.partner),
    ):
        assert 'name="id"' not in operator.get(address(model, scene)).content.decode()
        shown = operator.get(f"/admin/practices/{model}/{row.pk}/change/")
        assert 'name="id"' not in shown.content.decode()
        assert f"Reference, for partners {row.pk}" in said(shown)


def test_forms_are_titled_with_what_they_add_or_change(scene: Scene, operator: Client) -> None:
    added = operator.get(address("location", scene)).content.decode()
    assert "<title>Add a location · OpenChair</title>" in added
    changed = operator.get(f"/admin/practices/location/{scene.location.pk}/change/")
    assert "<title>Chesterfield · Locations · OpenChair</title>" in changed.content.decode()


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"special_authorization": "on"}, "may not change anything until it is granted a practice"),
        ({"all_practices": "on"}, "may not list practices or change anything"),
    ],
)
def test_a_partner_whose_grant_has_no_effect_is_said(
    values: dict[str, Any], words: str, operator: Client
) -> None:
    sent = {"name": "Half", "active": "on", **values}
    assert words in said(operator.post("/admin/practices/partner/add/", sent, follow=True))


def test_what_patients_book_is_fixed_once_there_are_openings(
    scene: Scene, operator: Client
) -> None:
    path = f"/admin/practices/practice/{scene.practice.pk}/change/"
    assert 'name="kind"' in operator.get(path).content.decode()
    scene.booking()
    assert 'name="kind"' not in operator.get(path).content.decode()
    operator.post(path, {"name": "New name", "kind": "range", "active": "on"})
    assert Practice.objects.get(pk=scene.practice.pk).kind == "exact"


def test_an_account_of_a_practices_staff_is_made_from_its_hub(
    scene: Scene, operator: Client
) -> None:
    path = f"/admin/auth/user/add/?practice={scene.practice.pk}"
    page = operator.get(path).content.decode()
    assert f'<option value="{scene.practice.pk}" selected>' in page
    rows = {"memberships-TOTAL_FORMS": "1", "memberships-INITIAL_FORMS": "0"}
    sent = {"username": "ana", **rows, "memberships-0-practice": scene.practice.pk}
    assert "Go to Acme Orthodontic Group" in said(operator.post(path, sent))
    assert scene.practice.memberships.get().user.username == "ana"


def test_an_operator_says_which_software_a_practice_works_with(
    scene: Scene, operator: Client
) -> None:
    path = f"/admin/practices/practice/{scene.practice.pk}/change/"
    other = factories.partner(name="Elsewhere alone")
    page = operator.get(path).content.decode()
    assert f'<option value="{scene.partner.pk}">' in page
    assert other.pk not in page
    sent = {"name": "Acme", "kind": "exact", "active": "on"}
    assert "Select a valid choice" in said(operator.post(path, {**sent, "system": other.pk}))
    operator.post(path, {**sent, "system": scene.partner.pk})
    assert OwnSystem.objects.get().partner == scene.partner
    assert "Changed Name and The software this practice works with" in said(
        operator.get(path.replace("change", "history"))
    )
    partners = f"/admin/practices/partner/{scene.partner.pk}/change/"
    assert "As the software of Acme it reads every visit there" in said(operator.get(partners))
    operator.post(path, {**sent, "name": "Acme Two", "system": scene.partner.pk})
    assert OwnSystem.objects.count() == 1
    operator.post(path, sent)
    assert not OwnSystem.objects.exists()


def test_a_grant_that_was_revoked_is_said_to_have_no_effect_and_can_be_kept(
    scene: Scene, operator: Client
) -> None:
    OwnSystem.objects.create(practice=scene.practice, partner=scene.partner)
    scene.partner.practices.clear()
    path = f"/admin/practices/practice/{scene.practice.pk}/change/"
    assert f"{scene.partner.name} (not granted this practice: no effect)" in said(
        operator.get(path)
    )
    kept = {"name": "Acme", "kind": "exact", "active": "on", "system": scene.partner.pk}
    assert operator.post(path, kept).status_code == 302
    assert OwnSystem.objects.exists()
    partners = f"/admin/practices/partner/{scene.partner.pk}/change/"
    assert "without effect as it is not granted it" in said(operator.get(partners))


def test_a_system_that_may_only_read_is_told_so(scene: Scene, operator: Client) -> None:
    reader = factories.partner(granted=[scene.practice], authorized=False, name="Reader")
    path = f"/admin/practices/practice/{scene.practice.pk}/change/"
    sent = {"name": "Acme", "kind": "exact", "active": "on", "system": reader.pk}
    told = said(operator.post(path, sent, follow=True))
    assert "Reader may only read, so it cannot say what it has entered." in told


def test_staff_see_which_software_it_is_and_change_nothing(scene: Scene) -> None:
    OwnSystem.objects.create(practice=scene.practice, partner=scene.partner)
    desk = browser(person("front-desk", scene.practice))
    path = f"/admin/practices/practice/{scene.practice.pk}/change/"
    assert f"The software this practice works with {scene.partner.name}" in said(desk.get(path))
    assert desk.post(path, {"system": ""}).status_code == 403
    assert OwnSystem.objects.exists()
