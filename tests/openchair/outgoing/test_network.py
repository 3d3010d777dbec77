"""What is connected to, in a network where names are answered by a DNS server of ours."""

import os
from typing import Any

import pytest

from tests.conftest import only_once_on_sqlite
from tests.openchair.outgoing import network

pytestmark = only_once_on_sqlite


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Any]:
    if not (network.may_be_made() or os.environ.get("CI")):
        pytest.skip("it takes root, namespaces and iproute2 to make a network of one's own")
    return network.outcomes()


@pytest.mark.parametrize(
    ("name", "came"),
    {
        "public.example": [200, 200],
        # Of the second look-up, for a new connection, the answer is another one.
        "rebinding.example": [200, "refused address"],
        "kept.example": [200, 200, "refused address"],
        "private.example": "refused address",
        "mixed.example": "refused address",
        "mixed6.example": "refused address",
        "mapped.example": "refused address",
        "fails-over.example": 200,
        "waits.example": 200,
        "closed.example": "connection refused",
        "redirects.example": 302,
        "search.example": "dns",  # and no name within a domain of the operator's own
        network.MUTE: ["timeout", pytest.approx(1.5, abs=0.6)],  # of which TCP took one second
        network.UNHEARD: ["dns", pytest.approx(1, abs=0.6)],
        "emr.internal": 200,  # the operator allows it
    }.items(),
)
def test_a_name_is_called_if_all_that_it_leads_to_is_public(
    outcomes: dict[str, Any], name: str, came: Any
) -> None:
    assert outcomes["told"][name] == came


def test_nobody_else_is_connected_to(outcomes: dict[str, Any]) -> None:
    assert outcomes["victim"] == {"emr.internal": 1}
    assert outcomes["public"]["rebinding.example"] == 1


def test_a_name_is_looked_up_once_for_each_connection(outcomes: dict[str, Any]) -> None:
    asked = outcomes["asked"]
    assert {name: asked[name] for name in ("public.example", "kept.example")} == {
        "public.example": 2,
        "kept.example": 2,
    }
    assert asked["private.example"] == asked["fails-over.example"] == 1
