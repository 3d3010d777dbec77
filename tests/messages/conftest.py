"""An endpoint with a receiver, whose task is run within a test's transaction."""

import pytest

from bookings.messages import queue
from bookings.models import Webhook
from tests.factories import Scene
from tests.messages import hooks
from tests.receiver import Receiver


@pytest.fixture
def no_lease_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Renew no lease: a test's transaction keeps SQLite's write lock."""
    monkeypatch.setattr(queue, "renew", lambda held: {*held})


@pytest.fixture
def hook(scene: Scene, receiver: Receiver) -> Webhook:
    return hooks.endpoint(scene.partner, receiver.url)
