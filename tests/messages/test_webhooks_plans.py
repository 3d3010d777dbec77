"""Query plans of PostgreSQL: what waits for a call is found without a month of delivered ones."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from bookings.admin_webhooks.lists import WAITING
from bookings.messages import queue
from bookings.messages.webhooks import deliveries
from bookings.models import Queue
from tests.factories import NOON, Scene
from tests.messages import hooks
from tests.test_plans import nodes, plans, selected

pytestmark = pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's plans")

# Of each endpoint 2000, of which the last five wait.
MONTH = """
    INSERT INTO bookings_webhookdelivery (id, webhook_id, type, practice_id, sequence, body, status,
        attempts, next_attempt_at, is_replay, has_arrived, calls, created_at)
    SELECT 'd' || w.nth || '-' || n, w.id, 'booking.changed', %(practice)s, n, '{}',
        CASE WHEN n > 1995 THEN 'pending' ELSE 'delivered' END,
        CASE WHEN n > 1995 THEN 0 ELSE 1 END,
        CASE WHEN n > 1995 THEN timestamptz '2026-06-01 16:00Z' END, false, n <= 1995, '[]',
        timestamptz '2026-05-02 16:00Z' + n * interval '21 minutes'
    FROM (SELECT id, row_number() OVER () AS nth FROM bookings_webhook) w,
        generate_series(1, 2000) n ORDER BY n
"""


def ways(act: Callable[[], Any]) -> list[tuple[str, str]]:
    """Return how the statements of something read deliveries: by an index, or from end to end."""
    found = []
    for sql, params in selected(act):
        for plan in plans(sql, params):
            for node in nodes(plan):
                index = node.get("Index Name", "")
                if index.startswith("webhook_delivery"):
                    found.append((index, sql))
                elif node["Node Type"] == "Seq Scan":
                    found.append((node["Relation Name"], sql))
    return [each for each in found if "webhook_delivery" in each[0] or "webhookdel" in each[0]]


def test_what_waits_is_found_by_its_index(scene: Scene) -> None:
    made = [hooks.endpoint(scene.partner, f"https://{nth}.example.com") for nth in range(20)]
    with connection.cursor() as cursor:
        cursor.execute(MONTH, {"practice": scene.practice.pk})
        cursor.execute("ANALYZE")
    hook = made[7]
    hook.failures = 1
    acts: list[Callable[[], Any]] = [
        lambda: queue.claim(Queue.WEBHOOK),
        lambda: queue.waiting_since(Queue.WEBHOOK),
        lambda: deliveries.is_unreached(hook),
        lambda: deliveries.to_call(hook, NOON, is_unreached=False),
        lambda: deliveries.to_call(hook, NOON, is_unreached=True),
        lambda: [*scene.partner.webhooks.annotate(waiting=WAITING)],
        lambda: hook.deliveries.pending().count(),
    ]
    for act in acts:
        found = ways(act)
        assert found
        for way, sql in found:
            assert way == "webhook_delivery_due", sql
