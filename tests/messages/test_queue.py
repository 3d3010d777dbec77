"""The queue of tasks: claims, leases, fencing, retries, periodic work, pruning."""

import sqlite3
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from bookings.messages import deliveries, periodic, pruning, queue
from bookings.messages.mail.sending import MailHandler
from bookings.models import Appointment, Delivery, Outcome, Queue, Task, TaskKind, TaskStatus
from tests.conftest import together
from tests.factories import NOON, Scene
from tests.messages.tasks import expire, seconds_until, stored, task, visit
from tests.test_plans import nodes, plans, selected

WAITS = [60, 300, 1800, 7200, 21_600, 43_200, 86_400]


def claimed(queue_name: Queue = Queue.MAIL) -> Task:
    got = queue.claim(queue_name)
    assert got is not None
    return got


@pytest.mark.django_db(transaction=True)
def test_of_16_connections_each_task_is_claimed_by_one(clock: time_machine.Traveller) -> None:
    due = {task().pk for _ in range(40)}

    def claim_all() -> list[int]:
        got: list[int] = []
        while len(got) < 40 and (one := queue.claim(Queue.MAIL) or queue.claim(Queue.MAIL)):
            got.append(one.pk)
        return got

    counted = Counter(pk for each in together(16, claim_all) for pk in each)
    while one := queue.claim(Queue.MAIL):  # left by those who lost ten times in a row
        counted[one.pk] += 1
    assert counted == dict.fromkeys(due, 1)


def test_what_is_not_due_yet_is_not_claimed_and_the_oldest_is_claimed_first(
    db: None, clock: time_machine.Traveller
) -> None:
    later = task(run_after=NOON + timedelta(seconds=2))
    second, first = task(), task(run_after=NOON - timedelta(hours=1))
    assert [claimed().pk, claimed().pk, queue.claim(Queue.MAIL)] == [first.pk, second.pk, None]
    clock.shift(2)
    assert claimed() == later


def test_one_queue_does_not_claim_from_another(db: None, clock: time_machine.Traveller) -> None:
    one = task(queue_name=Queue.PERIODIC)
    assert queue.claim(Queue.MAIL) is None
    assert claimed(Queue.PERIODIC) == one


def test_a_lease_ends_by_the_databases_clock(db: None, clock: time_machine.Traveller) -> None:
    task()
    one = claimed()
    clock.shift(86_400)  # this machine's, which may be wrong
    assert queue.claim(Queue.MAIL) is None
    left: Any = Task.objects.annotate(now=Now()).get(pk=one.pk)
    assert 290 < (left.lease_until - left.now).total_seconds() <= 300


def test_a_task_whose_worker_died_is_claimed_by_another_without_further_ado(scene: Scene) -> None:
    visit(scene)
    dead = claimed()
    expire(dead)
    heir = claimed()
    assert (heir.pk, heir.lease, heir.attempts) == (dead.pk, dead.lease + 1, 2)


@pytest.mark.parametrize(
    "late",
    [
        lambda one: queue.finish(one, records=deliveries.of(one, Outcome.SENT)),
        lambda one: queue.finish(one, TaskStatus.FAILED, records=deliveries.of(one, Outcome.SENT)),
        lambda one: queue.put_off(one, NOON + timedelta(days=1)),
        lambda one: queue.retry(one, "TimeoutError"),
    ],
    ids=["finish", "fail", "put off", "retry"],
)
@pytest.mark.parametrize("is_ended", [False, True])
def test_a_worker_that_was_given_up_for_dead_changes_nothing(
    late: Callable[[Task], Any], scene: Scene, *, is_ended: bool
) -> None:
    visit(scene)
    dead = claimed()
    expire(dead)
    heir = claimed()
    if is_ended:
        queue.finish(heir)
    before = Task.objects.filter(pk=heir.pk).values().get()
    late(dead)
    assert Task.objects.filter(pk=heir.pk).values().get() == before
    assert not Delivery.objects.exists()


def test_a_task_and_its_delivery_end_in_one_act(scene: Scene) -> None:
    visit(scene)
    one = claimed()
    told = deliveries.of(one, Outcome.SENT)
    with pytest.raises(IntegrityError):
        queue.finish(one, records=[*told, *deliveries.of(one, Outcome.DROPPED)])  # without a reason
    assert not Delivery.objects.exists()
    assert stored(one).status == TaskStatus.READY
    assert queue.finish(one, records=deliveries.of(one, Outcome.SENT))
    assert stored(one).status == TaskStatus.SUCCESSFUL
    assert Delivery.objects.get().outcome == Outcome.SENT


def test_a_task_that_is_put_off_while_another_worker_claims_it_is_not_due_any_more(
    db: None, clock: time_machine.Traveller
) -> None:
    task()
    slow = claimed()
    expire(slow)
    late = iter([slow])

    def first_put_off(execute: Any, sql: str, *rest: Any) -> Any:
        if sql.startswith("UPDATE") and (one := next(late, None)):
            assert queue.put_off(one, NOON + timedelta(hours=1))
        return execute(sql, *rest)

    with connection.execute_wrapper(first_put_off):
        assert queue.claim(Queue.MAIL) is None


def test_of_one_appointment_one_task_is_claimed_at_a_time(scene: Scene) -> None:
    ada, other = visit(scene), visit(scene, id="other")
    task(ada, kind=TaskKind.MOVED)
    first, second = claimed(), claimed()
    assert {first.appointment, second.appointment} == {ada, other}
    assert queue.claim(Queue.MAIL) is None
    queue.finish(first)
    assert claimed().kind == TaskKind.MOVED


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time")
def test_of_two_tasks_of_one_visit_claimed_in_the_same_instant_the_newest_is_sent(
    clock: time_machine.Traveller, mailoutbox: list[Any]
) -> None:
    # Of two queues, since of one both workers would want the same task first.
    ada, queues = visit(Scene()), iter((Queue.PERIODIC, Queue.MAIL))
    older, newer = Task.objects.get(), task(ada)
    Task.objects.filter(pk=older.pk).update(queue_name=Queue.PERIODIC)
    both = Barrier(2, timeout=30)

    def claim_and_send() -> None:
        with transaction.atomic():
            one = claimed(next(queues))
            both.wait()  # neither sees the other's claim
        MailHandler().run(one)

    assert together(2, claim_and_send) == [None, None]
    assert len(mailoutbox) == 1
    assert [*Delivery.objects.order_by("outcome").values_list("outcome", "reason")] == [
        ("dropped", "overtaken"),
        ("sent", ""),
    ]
    assert stored(newer).status == TaskStatus.SUCCESSFUL


def test_the_waits_are_those_of_the_contract_give_or_take_a_tenth(
    db: None, clock: time_machine.Traveller
) -> None:
    one, waited = task(), []
    for _ in WAITS:
        assert queue.retry(claimed(), "TimeoutError")
        assert stored(one).error == "TimeoutError"
        since = datetime.now(tz=NOON.tzinfo)
        waited.append(seconds_until(one, since))
        assert queue.claim(Queue.MAIL) is None
        clock.move_to(stored(one).run_after + timedelta(milliseconds=1))
    for got, expected in zip(waited, WAITS, strict=True):
        assert 0.9 * expected <= got <= 1.1 * expected
    assert waited != WAITS
    last = claimed()
    assert not queue.is_spent(last)
    assert not queue.retry(last, "TimeoutError")


def test_a_task_that_kills_its_worker_each_time_is_spent(
    db: None, clock: time_machine.Traveller
) -> None:
    task()
    for _ in range(1 + len(WAITS)):
        one = claimed()
        assert not queue.is_spent(one)
        expire(one)
    assert queue.is_spent(claimed())


def test_periodic_work_is_tried_for_ever(db: None, clock: time_machine.Traveller) -> None:
    one = task(queue_name=Queue.PERIODIC, kind=TaskKind.PRUNE)
    for nth in range(12):
        got = claimed(Queue.PERIODIC)
        assert queue.retry(got, "ValueError"), nth
        clock.move_to(stored(one).run_after + timedelta(milliseconds=1))
    assert stored(one).status == TaskStatus.READY


def test_what_is_put_off_has_all_its_attempts_again(
    db: None, clock: time_machine.Traveller
) -> None:
    task()
    queue.put_off(claimed(), NOON + timedelta(hours=1))
    assert queue.claim(Queue.MAIL) is None
    clock.shift(3600)
    assert claimed().attempts == 1


def test_missed_runs_of_periodic_work_happen_once(
    db: None, clock: time_machine.Traveller, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[datetime] = []
    monkeypatch.setattr(periodic, "WORK", {TaskKind.PRUNE: (timedelta(hours=1), runs.append)})
    handler = periodic.PeriodicHandler()
    for _ in range(2):
        handler.rest()
        periodic.ensure()
    clock.shift(10 * 3600)
    while one := queue.claim(Queue.PERIODIC):
        handler.run(one)
    assert runs == [NOON + timedelta(hours=10)]
    clock.shift(3600)
    handler.run(claimed(Queue.PERIODIC))
    assert len(runs) == 2


def test_old_tasks_are_deleted_in_batches_and_deliveries_are_kept(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: Any
) -> None:
    monkeypatch.setattr(pruning, "_AT_ONCE", 2)
    visit(scene)
    one = claimed()
    queue.finish(one, records=deliveries.of(one, Outcome.SENT))
    for days, status in [(30, "successful")] * 4 + [(29, "successful"), (89, "failed")]:
        task(status=status, finished_at=NOON - timedelta(days=days))
    task(status="failed", finished_at=NOON - timedelta(days=90))
    task(run_after=NOON - timedelta(days=365))
    with django_assert_num_queries(3 + 2 + 2 + 1 + 1):
        pruning.prune(NOON)
    assert Task.objects.count() == 4
    assert Delivery.objects.count() == 1


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="its one write lock")
def test_an_idle_worker_takes_no_write_lock_on_sqlite(clock: time_machine.Traveller) -> None:
    task(run_after=NOON + timedelta(hours=1))
    periodic.ensure()
    Task.objects.filter(queue_name=Queue.PERIODIC).update(run_after=NOON + timedelta(days=1))
    with sqlite3.connect(connection.settings_dict["NAME"]) as writer:
        writer.execute("BEGIN IMMEDIATE")
        assert queue.claim(Queue.MAIL) is None
        assert queue.claim(Queue.PERIODIC) is None
        periodic.PeriodicHandler().rest()
        writer.rollback()
    assert queue.waiting_since() is None


def ended(visit: Appointment, outcome: str, **values: Any) -> None:
    """Save a mail that went, or was dropped, 20 minutes after NOON."""
    at = NOON + timedelta(minutes=20)
    task(visit, status=TaskStatus.SUCCESSFUL, finished_at=at, **values)
    reason = {"reason": "overtaken"} if outcome == "dropped" else {}
    Delivery.objects.create(appointment=visit, kind="booked", outcome=outcome, at=at, **reason)


LATER = NOON + timedelta(minutes=30)


@pytest.mark.parametrize(
    ("waiting", "is_stuck"),
    [
        ({}, True),
        ({"run_after": LATER}, False),
        ({"run_after": LATER, "attempts": 2, "error": "ConnectionRefusedError"}, True),
        ({"queue_name": Queue.CODE}, True),
        ({"queue_name": Queue.PERIODIC}, False),
    ],
)
def test_mail_is_stuck_where_some_has_been_waiting_or_was_tried_in_vain_for_ten_minutes(
    waiting: dict[str, Any], is_stuck: bool, db: None
) -> None:
    task(**waiting)
    assert queue.stuck_since(NOON + timedelta(minutes=9)) is None
    assert queue.stuck_since(NOON + timedelta(minutes=10)) == (NOON if is_stuck else None)


def test_mail_is_not_stuck_while_other_mail_is_sent_and_dropping_it_is_no_sending(
    scene: Scene,
) -> None:
    one = visit(scene)
    ended(one, "dropped")
    assert queue.stuck_since(LATER) == NOON
    ended(one, "sent")
    assert queue.stuck_since(LATER) is None
    task(run_after=NOON + timedelta(minutes=21))
    assert queue.stuck_since(LATER) is None
    assert queue.stuck_since(LATER + timedelta(minutes=1)) == NOON + timedelta(minutes=21)


@pytest.mark.skipif(connection.vendor != "postgresql", reason="PostgreSQL's plans")
def test_a_look_at_the_queue_reads_what_waits_and_not_what_is_done(scene: Scene) -> None:
    done = {"status": "successful", "finished_at": NOON}
    Task.objects.bulk_create(
        Task(queue_name=Queue.MAIL, kind="booked", run_after=NOON, enqueued_at=NOON, **done)
        for _ in range(20_000)
    )
    task(run_after=NOON + timedelta(days=1))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE bookings_task")
    looks = [
        *selected(lambda: queue.claim(Queue.MAIL)),
        *selected(queue.waiting_since),
        *selected(lambda: queue.stuck_since(NOON + timedelta(days=2))),
    ]
    assert len(looks) == 3
    for plan in [plan for sql, params in looks for plan in plans(sql, params)]:
        used = {node.get("Index Name") for node in nodes(plan)}
        assert "task_due" in used, plan
        scans = [node for node in nodes(plan) if node["Node Type"] == "Seq Scan"]
        assert "bookings_task" not in {node["Relation Name"] for node in scans}, plan
