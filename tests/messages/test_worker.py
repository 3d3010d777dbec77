"""The worker: one task's failure, one queue's slowness, a database that goes away, and its end."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import pairwise
from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command
from django.db import InternalError, connection
from django.utils import timezone

from bookings.messages import queue, worker
from bookings.messages.mail.sending import MailHandler
from bookings.messages.worker import Worker, run_task
from bookings.models import Delivery, Queue, Task, TaskKind, TaskStatus
from bookings.patients import links
from tests.factories import Scene
from tests.messages.tasks import task, visit
from tests.server import ROOT

on_postgresql = pytest.mark.skipif(connection.vendor != "postgresql", reason="is a server")


class Noting:
    """A handler that notes what it runs, and does something before it finishes it."""

    def __init__(self, act: Callable[[Task], object] = lambda _: None) -> None:
        self.act, self.ran = act, list[int]()

    def run(self, one: Task) -> None:
        self.ran.append(one.pk)
        self.act(one)
        queue.finish(one)

    def rest(self) -> None:
        pass


def explode(one: Task) -> None:
    if one.kind == TaskKind.MOVED:
        raise RecursionError("of a patient: Ada")


@contextmanager
def working(**handlers: Noting) -> Iterator[Worker]:
    """Run a worker with one thread for each queue."""
    made = Worker({Queue(name): (1, lambda h=one: h) for name, one in handlers.items()})  # type: ignore[misc]  # of the loop
    thread = threading.Thread(target=made.run)
    thread.start()
    try:
        yield made
    finally:
        made.stop()
        thread.join()


def until(is_so: Callable[[], object]) -> None:
    end = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < end
        time.sleep(0.02)


def now_due(**values: Any) -> Task:
    return task(run_after=timezone.now(), **values)


@pytest.mark.django_db(transaction=True)
def test_a_task_that_fails_stops_no_other() -> None:
    bad, good = now_due(kind=TaskKind.MOVED), [now_due().pk for _ in range(3)]
    handler = Noting(explode)
    with working(mail=handler):
        until(lambda: Task.objects.filter(status=TaskStatus.SUCCESSFUL).count() == 3)
    assert handler.ran == [bad.pk, *good]
    bad.refresh_from_db()
    assert (bad.status, bad.error, bad.attempts) == (TaskStatus.READY, "RecursionError", 1)


def test_after_its_last_attempt_a_mail_has_failed(scene: Scene) -> None:
    one = Task.objects.get(appointment=visit(scene))
    Task.objects.update(attempts=7, kind=TaskKind.MOVED)
    got = queue.claim(Queue.MAIL)
    assert got == one
    run_task(Noting(explode), got)
    one.refresh_from_db()
    assert (one.status, one.error, one.attempts) == (TaskStatus.FAILED, "RecursionError", 8)
    assert Delivery.objects.get().outcome == "failed"


def test_a_task_whose_workers_died_of_it_ends_as_failed_and_is_not_run_again(scene: Scene) -> None:
    one = Task.objects.get(appointment=visit(scene))
    Task.objects.update(attempts=8)
    handler, got = Noting(), queue.claim(Queue.MAIL)
    assert got == one
    run_task(handler, got)
    one.refresh_from_db()
    assert (one.status, one.error) == (TaskStatus.FAILED, "WorkersDiedError")
    assert handler.ran == []
    assert Delivery.objects.get().outcome == "failed"


@pytest.mark.django_db(transaction=True)
def test_a_slow_mail_server_holds_up_no_other_queue_and_the_end_only_for_a_while(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "GRACE", 0.2)
    hung, prune = now_due(), now_due(queue_name=Queue.PERIODIC, kind=TaskKind.PRUNE)
    released = threading.Event()
    slow, quick = Noting(lambda _: released.wait()), Noting()
    with working(mail=slow, periodic=quick):
        until(lambda: Task.objects.filter(pk=prune.pk, status=TaskStatus.SUCCESSFUL).exists())
        until(lambda: slow.ran)
    hung.refresh_from_db()
    assert hung.lease_until is not None  # after which another worker has it
    released.set()
    until(lambda: Task.objects.filter(pk=hung.pk, status=TaskStatus.SUCCESSFUL).exists())


@pytest.mark.django_db(transaction=True)
def test_what_runs_is_finished_before_the_end_and_no_more_is_begun() -> None:
    ours = [now_due() for _ in range(2)]
    handler = Noting()
    with working(mail=handler) as made:

        def stop_and_go_on(_: Task) -> None:
            made.stop()
            time.sleep(0.5)

        handler.act = stop_and_go_on
        until(lambda: handler.ran)
    assert handler.ran == [ours[0].pk]
    assert Task.objects.get(status=TaskStatus.SUCCESSFUL) == ours[0]


@pytest.mark.django_db(transaction=True)
def test_a_worker_does_what_it_can_when_the_database_is_in_a_bad_way(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "POLL", 0.01)
    claims: list[float] = []

    def claim(queue_name: str) -> Task | None:
        claims.append(time.monotonic())
        if len(claims) < 6:
            raise ZeroDivisionError if len(claims) % 2 else InternalError
        return None

    monkeypatch.setattr(queue, "claim", claim)
    with working(mail=Noting()):
        until(lambda: len(claims) > 6)
    pauses = [later - sooner for sooner, later in pairwise(claims)]
    assert pauses[4] >= 0.16 > pauses[0]  # twice as long each time


@on_postgresql
@pytest.mark.django_db(transaction=True)
def test_a_worker_whose_connection_was_killed_goes_on_with_another(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(worker, "POLL", 0.05)
    handler = Noting()

    def kill(which: str) -> None:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                f"WHERE datname = current_database() AND pid {which} pg_backend_pid()"
            )

    with working(mail=handler):
        until(lambda: now_due() and handler.ran)
        kill("<>")
        one = now_due()
        until(lambda: Task.objects.filter(pk=one.pk, status=TaskStatus.SUCCESSFUL).exists())
        handler.act = lambda _: kill("=")
        another = now_due()
        until(lambda: another.pk in handler.ran)
    another.refresh_from_db()
    assert (another.status, another.attempts) == (TaskStatus.READY, 1)  # after its lease


@pytest.mark.django_db(transaction=True)
@pytest.mark.skipif(connection.vendor != "sqlite", reason="its one write lock")
def test_a_mail_that_is_out_goes_no_second_time_because_the_database_was_busy(
    clock: object, mailoutbox: list[object]
) -> None:
    links.give(visit(Scene()))
    one = queue.claim(Queue.MAIL)
    assert one is not None
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA busy_timeout = 10")
    writer = sqlite3.connect(connection.settings_dict["NAME"], check_same_thread=False)
    with closing(writer):
        writer.execute("BEGIN IMMEDIATE")
        threading.Timer(0.2, writer.rollback).start()
        run_task(MailHandler(), one)
    assert len(mailoutbox) == 1
    assert Task.objects.get().status == TaskStatus.SUCCESSFUL
    assert Delivery.objects.get().outcome == "sent"


@pytest.mark.django_db(transaction=True)
def test_a_worker_that_lacks_the_key_of_patients_does_not_start(
    clock: object, settings: Any
) -> None:
    visit(Scene())
    settings.PATIENT_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match="PATIENT_KEYS cannot read"):
        call_command("worker")


def test_a_second_signal_while_the_first_is_handled_stops_it_too() -> None:
    # In a process of its own: one that waits for itself is killed.
    signals = """if True:
        import signal
        from bookings.messages.worker import Worker
        worker = Worker({})
        signal.signal(signal.SIGALRM, worker.stop)
        signal.setitimer(signal.ITIMER_REAL, 1e-4, 1e-4)
        for _ in range(100_000):
            worker.stop()
        signal.setitimer(signal.ITIMER_REAL, 0)
        worker.run()
        """
    django = "import django; django.setup()\n"
    subprocess.run([sys.executable, "-c", django + signals], cwd=ROOT, check=True, timeout=20)
