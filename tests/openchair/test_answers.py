"""What an answer leaves behind."""

import gc

from rest_framework.request import Request

from tests.conftest import Caller
from tests.factories import Scene


def test_a_request_is_gone_with_its_answer(scene: Scene, api: Caller) -> None:
    """Else every list stays in memory until the collector of garbage runs."""
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
