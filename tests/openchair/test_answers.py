"""Memory: a request and its answer are freed without the garbage collector."""

import gc

from rest_framework.request import Request

from tests.conftest import Caller
from tests.factories import Scene


def test_a_request_is_gone_with_its_answer(scene: Scene, api: Caller) -> None:
    """Or every list stays in memory until the garbage collector runs."""
    path = f"/onlinescheduling/location/{scene.location.pk}/bookings"
    api("GET", path)
    gc.collect()
    gc.disable()
    try:
        assert api("GET", path).status_code == 200
        left = [one for one in gc.get_objects() if isinstance(one, Request)]
    finally:
        gc.enable()
    assert left == []
