"""Mistakes in forms, for those who do not see them: tied to fields, listed first, in the title."""

import re
from typing import Any

import pytest
from django.test import Client

from tests.desk.world import House, browser, person

FORMS = [
    "/admin/practices/location/add/",
    "/admin/practices/doctor/add/",
    "/admin/practices/partner/add/",
    "/admin/auth/user/add/",
    "/admin/password_change/",
    "/admin/onboard/",
    "{desk}new-opening/",
    "{desk}publish/",
]


def ids(page: str) -> set[str]:
    return set(re.findall(r'\sid="([^"]+)"', page))


def assert_tied(page: str) -> None:
    """Check that mistakes are in the title, in a list that has the focus, and at their fields."""
    assert re.search(r"<title>\s*Error: ", page)
    summary = re.search(r'<div class="[^"]*oc-mistakes.*?</div>', page, re.DOTALL)
    assert summary is not None
    assert "autofocus" in summary[0]
    assert set(re.findall(r'href="#([^"]+)"', summary[0])) <= ids(page)
    invalid = re.findall(r"<[^>]*aria-invalid[^>]*>", page)
    assert invalid
    for field in invalid:
        if one_of_many := re.search(r'type="(?:radio|checkbox)" name="(\w+)"', field):
            group = re.search(rf'<fieldset id="id_{one_of_many[1]}"[^>]*>', page)
            field = group[0] if group else field  # noqa: PLW2901  # a group's text is its fieldset's
        described = re.search(r'aria-describedby="([^"]+)"', field)
        assert described is not None, field
        assert set(described[1].split()) <= ids(page), field


@pytest.mark.parametrize("path", FORMS)
def test_a_mistake_is_tied_to_its_field(house: House, path: str) -> None:
    operator = browser(person("operator", is_superuser=True))
    desk = f"/admin/desk/{house.practice.pk}/"
    assert_tied(operator.post(path.format(desk=desk)).content.decode())


@pytest.mark.django_db
def test_a_wrong_password_is_said_first_and_in_the_title() -> None:
    page = Client().post("/admin/login/", {"username": "nobody", "password": "wrong"})
    assert "<title>Error: Log in" in page.content.decode()
    assert re.search(r'oc-mistakes" role="alert" tabindex="-1" autofocus', page.content.decode())


def test_a_list_is_named_by_its_rows_and_says_what_sorts_it(house: House) -> None:
    operator = browser(person("operator", is_superuser=True))
    page = operator.get("/admin/practices/location/").content.decode()
    assert "<title>Locations · OpenChair</title>" in page
    assert f">{house.location.name}</a>" in page
    assert 'aria-sort="ascending"' in page
    assert '<span class="oc-sr">Sort by </span>City' in page
    empty = operator.get("/admin/practices/location/?q=nowhere").content.decode()
    assert '<p class="oc-empty">' in empty


def test_what_openings_refer_to_is_not_deleted_and_says_so(house: House) -> None:
    operator = browser(person("operator", is_superuser=True))
    path = f"/admin/practices/location/{house.location.pk}/delete/"
    page: Any = operator.post(path, {"post": "yes"})
    assert "It is in use" in page.content.decode()
    assert type(house.location).objects.filter(pk=house.location.pk).exists()
