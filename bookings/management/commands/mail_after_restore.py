"""manage.py mail_after_restore: take out the mail that waited in a backup, after its restore."""

from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Q

from bookings import walltime
from bookings.messages import deliveries, queue
from bookings.models import DropReason, Queue, Task, Webhook


class Command(BaseCommand):
    """Drop what waits, and let periodic work begin anew, before a worker is started."""

    help = (
        "After a restore, take out the mail that waited when the backup was made, which has most "
        "likely been sent since: it would be sent again. The visits' histories say so."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        to_patients = Q(appointment__isnull=False) | Q(entry__isnull=False)
        mail = Task.objects.filter(to_patients, finished_at=None)
        taken = [queue.take_over(pk) for pk in [*mail.values_list("pk", flat=True)]]
        dropped = [task for task in taken if task is not None]
        for task in dropped:
            deliveries.drop(task, DropReason.BY_OPERATOR)
        # Else it counts as late, from when the backup was made.
        periodic = Task.objects.filter(queue_name=Queue.PERIODIC)
        periodic.update(run_after=walltime.now(), lease_until=None)
        # Else those that failed then would have failed ever since, and be switched off at once.
        Webhook.objects.update(failures=0, failing_since=None, warned_at=None)
        self.stdout.write(f"Mail that waited and will not be sent: {len(dropped)}.")
