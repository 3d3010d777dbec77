"""Raw SQL execution on the database driver's own connection, without Django's cursor wrappers.

A short statement takes half as long as with Django's cursor; docs/fast-path.md has the trade-offs.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from django.db import connection

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper as _Backend
else:
    _Backend = object


class DirectExecution(_Backend):
    """Mixin of our two database backends.

    As safe as a cursor: a broken connection is detected, errors are Django's, and the connection's
    `execute_wrappers` run around every statement.
    """

    execute_wrappers: list[Any]

    def fetch_all(self, sql: str, params: Sequence[object]) -> list[Any]:
        """Execute a statement that returns rows; its placeholders are %s."""
        if self.queries_logged:  # DEBUG, or a test that captures queries
            with self.cursor() as cursor:
                cursor.execute(sql, cast("Any", params))
                return list(cursor.fetchall())
        self.close_if_health_check_failed()
        self.ensure_connection()
        self.validate_no_broken_transaction()
        execute: Any = self._execute
        for wrapper in reversed(self.execute_wrappers):
            execute = partial(wrapper, execute)
        return cast("list[Any]", execute(sql, params, False, {"connection": self}))

    def _execute(self, sql: str, params: Sequence[object], *_context: object) -> list[Any]:
        with self.wrap_database_errors:
            return self.driver_rows(sql, params)

    @abstractmethod
    def driver_rows(self, sql: str, params: Sequence[object]) -> list[Any]:
        """Execute a statement on the driver's connection and return all of its rows."""

    def driver_pipeline(self) -> AbstractContextManager[Any]:
        """Return the driver's pipeline mode; without one, statements run one by one."""
        return nullcontext()


@contextmanager
def pipeline() -> Iterator[None]:
    """Send statements without waiting for each result: one round trip for all in the block.

    In a transaction only. Reading a result waits for it. The error of a failed statement is raised
    there, or at the end of the block.
    """
    backend = cast("DirectExecution", connection)
    with backend.wrap_database_errors, backend.driver_pipeline():
        yield


def fetch_all(sql: str, params: Sequence[object]) -> list[Any]:
    """Execute a statement on the default connection and return its rows."""
    return cast("DirectExecution", connection).fetch_all(sql, params)
