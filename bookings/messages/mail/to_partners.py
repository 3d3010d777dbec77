"""Mail to a partner's contact: that a webhook fails, or was switched off."""

from datetime import UTC, datetime
from email.headerregistry import Address

from django.conf import settings
from django.core.mail import EmailMessage

from bookings.messages.mail import message
from bookings.models import OffReason, Task, TaskKind, Webhook

_FAILING = """\
No call to your webhook has succeeded since {since}:

    {url}

What to do: look at the last calls, with what your receiver answered, at
{log}
and see that it answers with a status from 200 to 299 within 15 seconds. Then send a test: POST to
{ping}

Calls are tried again for about two days. If none succeeds in 48 hours, the webhook is switched off.
Nothing is lost: the change feed has all changes, also those that you are not told of.
"""
_OFF = """\
Your webhook was switched off, since {reason}:

    {url}

What waited for it will not be sent. The last calls, with what your receiver answered, are at
{log}

What to do: see that your receiver answers with a status from 200 to 299 within 15 seconds, then
switch the webhook on: PUT {{"active": true}} to
{webhook}
You are told of what comes from then on. What came before is in the change feed: read it from your
last cursor.
"""
_REASONS = {
    OffReason.GONE: "it answered 410 Gone",
    OffReason.FAILING: "no call succeeded in 48 hours",
}


def of(task: Task, now: datetime) -> EmailMessage | None:
    """Return the mail of a task; None where there is nobody to tell, or it is no longer so."""
    webhook = Webhook.objects.select_related("partner").get(pk=task.webhook_id)
    text = _text(task, webhook)
    address = webhook.partner.contact_email
    if not address or text is None:
        return None
    fails = task.kind == TaskKind.WEBHOOK_FAILING
    return EmailMessage(
        "Your webhook fails" if fails else "Your webhook was switched off",
        text,
        str(Address("OpenChair", addr_spec=settings.EMAIL_FROM)),
        [message.ascii_address(address)],
        headers=message.headers(task, "en", now),
    )


def _text(task: Task, webhook: Webhook) -> str | None:
    here = f"{settings.PUBLIC_URL}/scheduling/webhook/{webhook.pk}"
    told = {
        "url": webhook.url.partition("?")[0],  # the rest may be a secret
        "webhook": here,
        "log": f"{here}/deliveries",
        "ping": f"{here}/ping",
    }
    if task.kind == TaskKind.WEBHOOK_FAILING:
        if not webhook.active or webhook.failing_since is None:
            return None
        since = webhook.failing_since.astimezone(UTC)
        return _FAILING.format(since=f"{since:%Y-%m-%d %H:%M} UTC", **told)
    reason = _REASONS.get(OffReason(webhook.off_reason)) if webhook.off_reason else None
    return _OFF.format(reason=reason, **told) if reason else None
