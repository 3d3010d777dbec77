"""After a restore: no mail is sent again, and endpoints are told of what comes next."""

from datetime import timedelta

import pytest
from django.core.management import call_command

from bookings import walltime
from bookings.messages import periodic, queue
from bookings.messages.webhooks import deliveries, watch
from bookings.models import Appointment, Delivery, Queue, Task, TaskStatus, Webhook
from tests.factories import NOON, Scene
from tests.messages.hooks import endpoint
from tests.messages.tasks import stored, visit


@pytest.fixture
def waiting(scene: Scene) -> Appointment:
    """Restore, two hours later, what a worker was at."""
    made = visit(scene)
    periodic.ensure()
    for name in (Queue.MAIL, Queue.PERIODIC):
        assert queue.claim(name)
    return made


def test_mail_that_waited_is_taken_out_and_its_visit_says_so(waiting: Appointment) -> None:
    call_command("mail_after_restore")
    (one,) = waiting.tasks.all()
    assert one.status == TaskStatus.SUCCESSFUL
    told = Delivery.objects.get(appointment=waiting)
    assert (told.outcome, told.reason) == ("dropped", "by_operator")
    assert queue.claim(Queue.MAIL) is None


def test_periodic_work_begins_anew_and_nothing_is_late(waiting: Appointment, clock: object) -> None:
    Task.objects.filter(queue_name=Queue.PERIODIC).update(run_after=NOON - timedelta(hours=2))
    call_command("mail_after_restore")
    assert queue.waiting_since(Queue.PERIODIC) == walltime.now()
    assert queue.claim(Queue.PERIODIC) is not None


def test_what_is_done_stays_as_it_is(scene: Scene) -> None:
    visit(scene)
    one = queue.claim(Queue.MAIL)
    assert one is not None
    queue.finish(one, TaskStatus.FAILED, error="AddressRefused")
    call_command("mail_after_restore")
    assert stored(one).status == TaskStatus.FAILED
    assert not Delivery.objects.exists()


def test_an_endpoint_is_told_of_the_next_change_with_a_number_that_nobody_has_seen(
    scene: Scene,
) -> None:
    scene.booking()
    webhook = endpoint(scene.partner, "https://hooks.example.com/")
    call_command("feed_after_restore")
    scene.booking()
    deliveries.make(webhook)
    assert [each.sequence for each in webhook.deliveries.all()] == [1_000_002]


def test_an_endpoint_that_failed_before_the_backup_is_tried_before_it_is_switched_off(
    scene: Scene,
) -> None:
    webhook = endpoint(scene.partner, "https://hooks.example.com/")
    Webhook.objects.update(failures=10, failing_since=NOON - timedelta(days=3))
    call_command("mail_after_restore")
    watch.watch(NOON)
    webhook.refresh_from_db()
    assert webhook.active
