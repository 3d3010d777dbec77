"""Endpoints that fail: warned of, switched off, told by mail; changed grants; pruning; rotation."""

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from cryptography.fernet import Fernet
from django.core.management import call_command

from bookings import walltime
from bookings.messages import pruning, queue
from bookings.messages.mail.sending import MailHandler
from bookings.messages.webhooks import endpoints, watch
from bookings.models import Delivery, OffReason, Queue, Task, TaskKind, Webhook, WebhookDelivery
from bookings.patients import rotation
from openchair import encryption
from practices.models import Partner
from tests.factories import NOON, Scene
from tests.messages import hooks

URL = "https://hooks.example.com/openchair?token=hush"


@pytest.fixture
def hook(scene: Scene) -> Webhook:
    Partner.objects.update(contact_email="dev@partner.example")
    scene.partner.refresh_from_db()
    return hooks.endpoint(scene.partner, URL)


def fails(hook: Webhook, failures: int = 10) -> None:
    Webhook.objects.filter(pk=hook.pk).update(failures=failures, failing_since=NOON)
    hook.refresh_from_db()


def mails_after(hours: float, clock: time_machine.Traveller) -> list[str]:
    """Watch, so long after NOON; return the kinds of all mail so far."""
    clock.move_to(NOON + timedelta(hours=hours))
    watch.watch(walltime.now())
    ours = Task.objects.filter(queue_name=Queue.MAIL).order_by("pk")
    return [*ours.values_list("kind", flat=True)]


def test_a_partner_is_warned_once_after_three_hours_and_told_when_it_is_off_after_48(
    hook: Webhook, clock: time_machine.Traveller
) -> None:
    fails(hook)
    assert mails_after(2.99, clock) == []
    assert mails_after(3, clock) == [TaskKind.WEBHOOK_FAILING]
    assert mails_after(47.99, clock) == [TaskKind.WEBHOOK_FAILING]
    hook.refresh_from_db()
    assert hook.active
    both = [TaskKind.WEBHOOK_FAILING, TaskKind.WEBHOOK_OFF]
    assert mails_after(48, clock) == both
    hook.refresh_from_db()
    assert (hook.active, hook.off_reason) == (False, OffReason.FAILING)
    assert mails_after(99, clock) == both


def test_nine_failed_calls_switch_nothing_off(hook: Webhook, clock: time_machine.Traveller) -> None:
    fails(hook, failures=9)
    mails_after(100, clock)
    hook.refresh_from_db()
    assert hook.active


def send() -> None:
    while one := queue.claim(Queue.MAIL):
        MailHandler().run(one)


def test_mail_says_what_happens_and_what_to_do_and_has_no_secret(
    hook: Webhook, mailoutbox: list[Any], clock: time_machine.Traveller
) -> None:
    fails(hook)
    mails_after(3, clock)
    send()
    (mail,) = mailoutbox
    assert (mail.to, mail.subject) == (["dev@partner.example"], "Your webhook fails")
    assert "since 2026-06-01 16:00 UTC" in mail.body
    assert f"/scheduling/webhook/{hook.pk}/deliveries" in mail.body
    assert "https://hooks.example.com/openchair\n" in mail.body
    assert "hush" not in mail.body
    assert mail.extra_headers["Auto-Submitted"] == "auto-generated"
    watch.switch_off(hook, OffReason.GONE)
    send()
    assert mailoutbox[1].subject == "Your webhook was switched off"
    assert "since it answered 410 Gone" in mailoutbox[1].body
    assert not Task.objects.filter(queue_name=Queue.MAIL, finished_at=None).exists()
    assert not Delivery.objects.exists()


def test_no_mail_is_sent_of_what_is_no_longer_so(
    hook: Webhook, mailoutbox: list[Any], clock: time_machine.Traveller
) -> None:
    fails(hook)
    mails_after(3, clock)
    watch.switch_off(hook, OffReason.FAILING)
    endpoints.edit(hook.pk, active=True)
    send()
    assert mailoutbox == []


def test_without_a_contact_nobody_is_told(
    hook: Webhook, mailoutbox: list[Any], clock: time_machine.Traveller
) -> None:
    Partner.objects.update(contact_email="")
    fails(hook)
    assert mails_after(3, clock) == [TaskKind.WEBHOOK_FAILING]
    send()
    assert mailoutbox == []


def test_a_practice_that_is_granted_is_told_of_from_then_on(
    hook: Webhook, scene: Scene, clock: Any
) -> None:
    second = Scene()
    second.booking()
    scene.partner.practices.add(second.practice)
    watch.watch(NOON)
    second.booking(id="later")
    task_of_it = queue.claim(Queue.WEBHOOK)
    assert task_of_it is not None
    assert hook.positions.get(practice=second.practice).number == 1


def test_an_endpoint_that_is_on_again_is_told_of_what_comes_from_then_on(
    hook: Webhook, scene: Scene
) -> None:
    endpoints.switch_off(hook, OffReason.PARTNER)
    scene.booking()
    endpoints.edit(hook.pk, active=True)
    assert queue.claim(Queue.WEBHOOK) is None
    scene.booking(id="later")
    assert queue.claim(Queue.WEBHOOK) is not None


def test_deliveries_are_kept_for_thirty_days(
    hook: Webhook, monkeypatch: pytest.MonkeyPatch, clock: time_machine.Traveller
) -> None:
    monkeypatch.setattr(pruning, "_AT_ONCE", 2)
    for _ in range(5):
        endpoints.ping(hook)
    clock.shift(1)
    last = endpoints.ping(hook)
    pruning.prune(NOON + timedelta(days=30))
    assert WebhookDelivery.objects.get() == last


def test_secrets_are_sealed_anew_and_a_missing_key_is_noticed(hook: Webhook, settings: Any) -> None:
    before = endpoints.secrets_of(hook, NOON)
    old, new = settings.PATIENT_KEYS[0], Fernet.generate_key().decode()
    settings.PATIENT_KEYS = [new]
    assert rotation.missing_keys() == {hook.sealed_by}
    settings.PATIENT_KEYS = [new, old]
    call_command("reencrypt", verbosity=0)
    settings.PATIENT_KEYS = [new]
    assert rotation.missing_keys() == set()
    hook.refresh_from_db()
    assert hook.sealed_by == encryption.key_names()[0]
    assert endpoints.secrets_of(hook, NOON) == before
