"""Statements that every request sends, past what Django does around a cursor."""

from abc import abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.db import connection

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper as _Backend
else:
    _Backend = object

Params = Sequence[object] | Mapping[str, object]


class Asking(_Backend):
    """A connection that can be asked with little in between: our two backends have it."""

    execute_wrappers: list[Any]

    def ask(self, sql: str, params: Params) -> list[Any]:
        """Run a statement that gives rows, and give them.

        As safe as through a cursor of Django's, and half of its time: a connection that broke is
        noticed, errors are Django's, and whoever listens to statements hears of this one.
        """
        if self.queries_logged:  # somebody wants to read the statements
            with self.cursor() as cursor:
                cursor.execute(sql, cast("Any", params))
                return list(cursor.fetchall())
        self.close_if_health_check_failed()
        self.ensure_connection()
        self.validate_no_broken_transaction()
        run: Any = self._ask
        for wrapper in reversed(self.execute_wrappers):
            run = partial(wrapper, run)
        return cast("list[Any]", run(sql, params, False, {"connection": self}))

    def _ask(self, sql: str, params: Params, *_context: object) -> list[Any]:
        with self.wrap_database_errors:
            return self.rows(sql, params)

    @abstractmethod
    def rows(self, sql: str, params: Params) -> list[Any]:
        """Run it on the driver's own connection; each engine has its way."""

    def without_waiting(self) -> AbstractContextManager[Any]:
        """Send statements on without waiting for each to be done; here they take no time to send.

        What one finds is there as soon as it is asked for. One that fails is heard of then, or
        where the block ends.
        """
        return nullcontext()


@contextmanager
def without_waiting() -> Iterator[None]:
    """Send statements that change something on, in a transaction, and wait for all at the end."""
    asked = cast("Asking", connection)
    with asked.wrap_database_errors, asked.without_waiting():
        yield


def ask(sql: str, params: Params) -> list[Any]:
    """Run a statement that gives rows, and give them."""
    return cast("Asking", connection).ask(sql, params)
