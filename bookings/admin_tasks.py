"""Admin list of tasks, for operators: what waits, what failed, and what to do about it."""

from datetime import datetime
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from bookings import walltime
from bookings.desk import labels
from bookings.messages import deliveries, queue
from bookings.models import DropReason, Task
from practices.scoping import ScopedAdmin

COLUMNS = ("kind", "practice", "status", "error", "attempts", "since", "due", "ended")


@admin.register(Task)
class TaskAdmin(ScopedAdmin):
    """List of mail and of periodic work; nothing of a visit but whose practice it is in."""

    operators_may = frozenset({"view"})
    list_display = [*COLUMNS]
    fields = [*COLUMNS]
    readonly_fields = ["practice", "since", "due", "ended"]
    list_select_related = ["appointment__booking__practice", "entry__practice"]
    list_filter = ["status", "queue_name", "kind"]
    ordering = ["-id"]
    actions = ["try_again", "drop"]

    @admin.display(description="Practice", empty_value="–")
    def practice(self, task: Task) -> str | None:
        of = task.entry or (task.appointment and task.appointment.booking)
        return of.practice.name if of else None

    @admin.display(description="Since", ordering="enqueued_at")
    def since(self, task: Task) -> datetime:
        return task.enqueued_at

    @admin.display(description="Due", ordering="run_after")
    def due(self, task: Task) -> datetime:
        return task.run_after

    @admin.display(description="Ended", ordering="finished_at")
    def ended(self, task: Task) -> datetime | None:
        return task.finished_at

    @admin.action(description="Try again now")
    def try_again(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        taken = self._taken(request, queryset, "Tried again.")
        for task in taken:
            queue.put_off(task, walltime.now())
        self._say(request, f"{labels.counted(len(taken), 'task')} will be tried again.")

    @admin.action(description="Drop: do not send")
    def drop(self, request: HttpRequest, queryset: QuerySet[Task]) -> None:
        mail = queryset.exclude(queue_name__in=queue.ENDLESS)
        taken = self._taken(request, mail, "Dropped.")
        for task in taken:
            deliveries.drop(task, DropReason.BY_OPERATOR)
        self._say(request, f"{labels.counted(len(taken), 'task')} will not be sent.")

    def _taken(self, request: HttpRequest, rows: QuerySet[Task], said: str) -> list[Task]:
        """Claim what is not done, from whoever is at it, and write it into the log."""
        claims = [queue.take_over(pk) for pk in rows.order_by("pk").values_list("pk", flat=True)]
        taken = [task for task in claims if task is not None]
        for task in taken:
            self.log_change(request, task, said)
        return taken

    def _say(self, request: HttpRequest, text: Any) -> None:
        self.message_user(request, text, messages.SUCCESS)
