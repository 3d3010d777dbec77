"""Django's PostgreSQL backend, less what it does at every request and row for others' sake.

And with an end to its patience: while requests are served, a server that says nothing has failed.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from select import POLLIN, poll
from time import monotonic
from typing import Any, cast

import psycopg
from django.db.backends.postgresql import base
from psycopg.pq import Format

from openchair.database.execute import DirectExecution

A_SECOND = 1.0
HALF_A_SECOND = 0.5
TIMESTAMPTZ = psycopg.adapters.types["timestamptz"].oid
MOST_KEPT = 50
"""Rows of the last answer, which stays in memory with the cursor that got it."""


class DatabaseWrapper(DirectExecution, base.DatabaseWrapper):
    """Reads instants in C, and does not ask at every request whether the server is there."""

    health_check_done: bool
    _asked_at = 0.0
    _patience: float | None = None
    _cursor_kept: Any = None

    def get_connection_params(self) -> dict[str, Any]:
        """Leave our own option out: `patience`, the seconds after which silence is an outage."""
        params: dict[str, Any] = super().get_connection_params()
        self._patience = params.pop("patience", None)
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Connect, with psycopg's own loader of instants.

        Django puts one in Python in its place, for time zones other than UTC: 9 µs an instant.
        """
        connection = super().get_new_connection(conn_params)
        loader = psycopg.adapters.get_loader(TIMESTAMPTZ, Format.TEXT)
        assert loader is not None
        connection.adapters.register_loader(TIMESTAMPTZ, loader)
        wait = connection.wait

        def wait_patiently(*args: Any, **kwargs: Any) -> Any:
            # A server that was frozen keeps its connections and says nothing; nor do its time-outs.
            began = monotonic()
            try:
                return wait(*args, **{"timeout": self._patience, **kwargs})
            except psycopg.OperationalError:
                if self._patience is not None and monotonic() - began >= self._patience:
                    connection.close()  # its answer, should it come, is to nobody's question
                raise

        connection.wait = wait_patiently
        self._cursor_kept = None
        return connection

    def driver_rows(self, sql: str, params: Sequence[object]) -> list[Any]:
        """Ask with one cursor again and again: making one takes as long as a short statement."""
        cursor = self._cursor_kept or self.connection.cursor()
        found: list[Any] = cursor.execute(sql, params).fetchall()
        self._cursor_kept = cursor if len(found) <= MOST_KEPT else None
        return found

    def driver_pipeline(self) -> AbstractContextManager[Any]:
        """Use the protocol's pipeline: a round trip for several statements."""
        return cast("AbstractContextManager[Any]", self.connection.pipeline())

    def create_cursor(self, name: str | None = None) -> Any:
        """Open a cursor as it is; Django's own method would ask for the loader's time zone."""
        if name is None:
            return self.connection.cursor()
        autocommit = self.connection.autocommit
        return self.connection.cursor(name, scrollable=False, withhold=autocommit)

    def close_if_health_check_failed(self) -> None:
        """Close a connection that broke since the last request.

        Django asks the server, at every request. But a server that hangs up is heard without being
        asked, and one that vanished without a word had only a second to do so where requests come
        one after the other.
        """
        if self.health_check_done:  # once a request: Django calls this where a transaction ends too
            return
        asked_at, self._asked_at = self._asked_at, monotonic()
        if self._asked_at - asked_at > A_SECOND or not self._is_silent():
            super().close_if_health_check_failed()
        self.health_check_done = True

    def is_usable(self) -> bool:
        """Ask whether it still works; not for long, since connecting anew takes its time too."""
        with self._less_patient():
            return bool(super().is_usable())

    @contextmanager
    def _less_patient(self) -> Iterator[None]:
        patience = self._patience
        self._patience = HALF_A_SECOND if patience else None
        try:
            yield
        finally:
            self._patience = patience

    def _is_silent(self) -> bool:
        if self.connection is None or self.connection.closed:
            return False
        heard = poll()
        heard.register(self.connection.fileno(), POLLIN)
        return not heard.poll(0)
