"""Message of a mail about a visit."""

from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage

from bookings.models import Appointment, Task


def of(task: Task, visit: Appointment, now: datetime) -> EmailMessage:
    """Return the mail, in the language of the booking."""
    return EmailMessage(
        f"Your visit: {task.kind}",
        f"{visit.booking.practice.name}: {visit.exact_time or now}",
        settings.EMAIL_FROM,
        [visit.unread_person.email],
        headers={"Message-ID": f"<{task.pk}@openchair>"},
    )
