"""The operators' list of tasks: what waits and failed, "Try again now" and "Drop"."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client

from bookings.messages import queue
from bookings.models import Delivery, Queue, Task, TaskKind, TaskStatus
from tests.conftest import only_once
from tests.desk.world import House, browser, person, said
from tests.factories import NOON
from tests.messages import hooks
from tests.messages.tasks import stored, task

LIST = "/admin/bookings/task/"


@pytest.fixture
def house(db: None, clock: Any) -> House:
    return House("Quillon")


@pytest.fixture
def operator(house: House) -> Client:
    return browser(person("operator", is_superuser=True))


def act(client: Client, action: str, *tasks: Task) -> str:
    chosen = [one.pk for one in tasks]
    return said(client.post(LIST, {"action": action, "_selected_action": chosen}, follow=True))


@only_once
def test_operators_see_what_failed_and_why_and_nobody_else_does(
    house: House, operator: Client
) -> None:
    Task.objects.update(status="failed", error="AddressRefused", attempts=8, finished_at=NOON)
    task(kind="moved")
    page = said(operator.get(f"{LIST}?status__exact=failed"))
    assert "Booked Quillon Orthodontics Failed AddressRefused 8" in page
    for patients in ("Quillonette", "Quillonfield", "quillon@example.org", house.appointment.pk):
        assert patients not in page
    assert browser(house.staff).get(LIST).status_code == 403
    one = Task.objects.get(status="failed")
    assert "AddressRefused" in said(operator.get(f"{LIST}{one.pk}/change/"))


def test_what_failed_is_tried_again_and_written_into_the_log(
    house: House, operator: Client
) -> None:
    one = Task.objects.get()
    Task.objects.update(status="failed", error="TimeoutError", attempts=8, finished_at=NOON)
    assert "1 task will be tried again." in act(operator, "try_again", one)
    again = queue.claim(Queue.MAIL)
    assert again == one
    assert (again.attempts, again.error) == (1, "")
    assert LogEntry.objects.filter(change_message="Tried again.", object_id=str(one.pk)).exists()


def test_what_is_dropped_is_not_sent_by_a_worker_that_has_it_and_the_history_says_so(
    house: House, operator: Client
) -> None:
    one = queue.claim(Queue.MAIL)
    assert one is not None
    assert "1 task will not be sent." in act(operator, "drop", one)
    assert stored(one).status == TaskStatus.SUCCESSFUL
    assert not queue.put_off(one, NOON)
    assert not queue.finish(one, TaskStatus.FAILED)
    told = Delivery.objects.get()
    assert (told.appointment, told.outcome, told.reason) == (
        house.appointment,
        "dropped",
        "by_operator",
    )
    assert LogEntry.objects.filter(change_message="Dropped.").exists()


def test_what_is_done_is_not_sent_twice_and_periodic_work_is_not_dropped(
    house: House, operator: Client
) -> None:
    Task.objects.update(status="successful", finished_at=NOON)
    done = Task.objects.get()
    periodic = task(queue_name=Queue.PERIODIC, kind="prune", run_after=NOON + timedelta(days=1))
    for action in ("try_again", "drop"):
        assert "0 tasks" in act(operator, action, done)
    hook = hooks.endpoint(house.partner, "https://hooks.example.com")
    assert "0 tasks" in act(operator, "drop", periodic, hooks.task_of(hook))
    assert stored(periodic).status == TaskStatus.READY
    assert "1 task will be tried again." in act(operator, "try_again", periodic)
    assert queue.claim(Queue.PERIODIC) == periodic


def test_mail_to_a_partner_may_be_dropped(house: House, operator: Client) -> None:
    hook = hooks.endpoint(house.partner, "https://hooks.example.com")
    mail = task(webhook=hook, kind=TaskKind.WEBHOOK_OFF)
    assert "1 task will not be sent." in act(operator, "drop", mail)
    assert stored(mail).status == TaskStatus.SUCCESSFUL
