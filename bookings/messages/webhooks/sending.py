"""Calling of one endpoint: what is due, in order, one at a time, for a slice of time."""

import logging
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F
from django.db.models.functions import Coalesce

from bookings import walltime
from bookings.messages import queue
from bookings.messages.leases import KEEPER, Lease
from bookings.messages.webhooks import deliveries, endpoints, signing, watch
from bookings.models import (
    DeliveryStatus,
    OffReason,
    Queue,
    Task,
    Webhook,
    WebhookDelivery,
    WebhookType,
)
from openchair.outgoing.posting import Answer, Receiver, Unanswered, Unreached

logger = logging.getLogger(__name__)
SLICE = 1.5
"""Seconds after which the next endpoint has its turn."""
SLOW = 1.0
"""Seconds; whoever takes longer is called from a queue where nobody quick waits."""
_LONGEST_RETRY_AFTER = 3600.0
_ASKS_FOR_TIME = (429, 502, 503, 504)
_GONE = 410
_BETWEEN_VAIN_CALLS, _MOST_BETWEEN = timedelta(seconds=5), timedelta(minutes=1)
_CALLS_KEPT = 20


class WebhookHandler:
    """Handler of the queues of webhooks, whose tasks are never done."""

    def run(self, task: Task) -> None:
        with KEEPER.keeping(task) as lease:  # from the claim on, however long reading takes
            webhook = Webhook.objects.select_related("partner").get(pk=task.webhook_id)
            with Receiver(webhook.url) as receiver:
                run = _Run(webhook, lease, receiver)
                run.go_on()
        until = walltime.now() + run.pause
        queue.put_off(task, until, queue_name=Queue.SLOW if run.is_slow else Queue.WEBHOOK)

    def rest(self) -> None:
        """Have nothing open between two runs."""


@dataclass
class _Call:
    """A call that was made: `answer`, or `error`, the kind of failure where none came.

    has_arrived: it was answered, or sent to its end.
    """

    at: datetime
    seconds: float
    answer: Answer | None
    error: str
    has_arrived: bool

    @property
    def is_success(self) -> bool:
        return self.answer is not None and 200 <= self.answer.status < 300

    def as_dict(self) -> dict[str, Any]:
        return {
            "at": self.at.isoformat(timespec="milliseconds"),
            "status": self.answer and self.answer.status,
            "duration_ms": round(self.seconds * 1000),
            "answer": self.answer.text if self.answer else "",
            "error": self.error,
        }


class _Run:
    """One turn of an endpoint. It ends early where the receiver is slow, or asks for time.

    is_slow, pause: in which queue, and after what time, it goes on.
    """

    def __init__(self, webhook: Webhook, lease: Lease, receiver: Receiver) -> None:
        self._webhook, self._lease, self._receiver = webhook, lease, receiver
        self._end = time.monotonic() + SLICE
        self._is_over = False
        self._is_unreached = deliveries.is_unreached(webhook)
        self.is_slow = lease.task.queue_name == Queue.SLOW
        self.pause = timedelta(0)

    def go_on(self) -> None:
        has_more = True
        while deliveries.make(self._webhook) or has_more:
            is_one_alone = self._is_unreached
            batch = deliveries.to_call(self._webhook, walltime.now(), is_unreached=is_one_alone)
            if not batch:
                return
            for each in batch:
                if not self._lease.is_ours:
                    return
                self._deliver(each)
                if self._is_over or time.monotonic() > self._end:
                    return
            has_more = is_one_alone or len(batch) == deliveries.AT_ONCE

    def _deliver(self, delivery: WebhookDelivery) -> None:
        call = self._call(delivery)
        self.is_slow = call.answer is None or call.seconds > SLOW
        self._is_over = self.is_slow
        if not call.has_arrived:
            self._note_unreached(delivery, call)
            return
        if self._is_unreached:  # first: whoever goes on after a crash has to know of it
            self._is_unreached = False
            deliveries.begin_anew(delivery, walltime.now())
        self._note(delivery, call)
        if call.answer is None:
            self._rest_after_vain_call()
        elif call.answer.status == _GONE:
            watch.switch_off(self._webhook, OffReason.GONE)
            self._is_over = True
        elif call.answer.status in _ASKS_FOR_TIME and call.answer.retry_after is not None:
            seconds = min(max(0.0, call.answer.retry_after), _LONGEST_RETRY_AFTER)
            self.pause, self._is_over = timedelta(seconds=seconds), True

    def _call(self, delivery: WebhookDelivery) -> _Call:
        now, began, body = walltime.now(), time.monotonic(), delivery.body.encode()
        secrets = endpoints.secrets_of(self._webhook, now)
        headers = signing.headers(f"msg_{delivery.pk}", now, body, secrets)
        headers["Content-Type"] = "application/json"
        answer, error, has_arrived = None, "", True
        try:
            answer = self._receiver.post(body, headers)
        except Unreached as unreached:
            error, has_arrived = str(unreached), isinstance(unreached, Unanswered)
        return _Call(now, time.monotonic() - began, answer, error, has_arrived)

    def _note(self, delivery: WebhookDelivery, call: _Call) -> None:
        """Save how a call ended that arrived, unless another worker has done so."""
        now, is_replay = walltime.now(), delivery.is_replay
        if call.is_success:
            values = {
                "attempts": F("attempts") + int(not is_replay),
                "status": DeliveryStatus.DELIVERED,
                "next_attempt_at": None,
                "is_replay": False,
            }
        else:
            values = deliveries.failed(now, is_replay=is_replay)
        if self._save(delivery, call, has_arrived=True, **values) and not is_replay:
            self._count(is_success=call.is_success, now=now)

    def _note_unreached(self, delivery: WebhookDelivery, call: _Call) -> None:
        """Save a call that reached nobody: it stands for all that are due.

        Else one that is down would have as many of them as there are deliveries. A delivery that
        was called before its time has no attempt less for it.
        """
        if not self._save(delivery, call):
            return
        now = walltime.now()
        ours = Task.objects.filter(pk=self._lease.task.pk, lease=self._lease.task.lease)
        due = deliveries.due(self._webhook, call.at).filter(Exists(ours))
        due.filter(type=WebhookType.PING).update(calls=[call.as_dict()])
        for is_replay in (False, True):
            rows = due.filter(is_replay=is_replay)
            rows.update(**deliveries.failed(now, is_replay=is_replay))
        if not delivery.is_replay:
            self._count(is_success=False, now=now)
        self._rest_after_vain_call()

    def _rest_after_vain_call(self) -> None:
        self.pause = min(_BETWEEN_VAIN_CALLS * max(1, self._webhook.failures), _MOST_BETWEEN)

    def _save(self, delivery: WebhookDelivery, call: _Call, **values: Any) -> bool:
        """Add a call to a delivery's log, unless it has been called since it was read."""
        as_read = WebhookDelivery.objects.filter(
            pk=delivery.pk, attempts=delivery.attempts, is_replay=delivery.is_replay
        )
        calls = [*delivery.calls, call.as_dict()][-_CALLS_KEPT:]
        return bool(as_read.update(calls=calls, **values))

    def _count(self, *, is_success: bool, now: datetime) -> None:
        """Count failed calls since the last success."""
        rows = Webhook.objects.filter(pk=self._webhook.pk)
        if not is_success:
            since = Coalesce("failing_since", now)
            rows.update(failures=F("failures") + 1, failing_since=since)
            self._webhook.failures += 1
        elif self._webhook.failures:
            rows.update(failures=0, failing_since=None, warned_at=None)
            self._webhook.failures = 0
