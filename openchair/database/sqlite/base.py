"""Django's SQLite backend, which makes no file: an empty one in place of a lost one is no help."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db.backends.sqlite3 import base, features

from openchair.database.execute import DirectExecution
from openchair.database.sqlite import files


class DatabaseFeatures(features.DatabaseFeatures):
    """What every SQLite that Python 3.11 comes with can do, without opening a file to ask it."""

    supports_json_field = True


class DatabaseWrapper(DirectExecution, base.DatabaseWrapper):
    """Opens a file that is there; `manage.py migrate` and `restore` make it."""

    features_class = DatabaseFeatures
    _opened: tuple[int, int] | None = None

    def get_connection_params(self) -> dict[str, Any]:
        """Ask for reading and writing, not for making."""
        params: dict[str, Any] = super().get_connection_params()
        params["database"] = files.address(params["database"])
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Open the file, and note which one that was."""
        connection = super().get_new_connection(conn_params)
        self._opened = self._there()
        return connection

    def is_usable(self) -> bool:
        """Say whether the file that is open is still the one of that name.

        Who has a file open that was removed or replaced would go on writing what nobody finds. It
        does not make moving a file under a running server safe: the newest commits are beside it,
        in its -wal, which has to go with it (docs/failing.md).
        """
        return self._there() == self._opened

    def _there(self) -> tuple[int, int] | None:
        try:
            found = Path(self.settings_dict["NAME"]).stat()
        except OSError:
            return None
        return found.st_dev, found.st_ino

    def driver_rows(self, sql: str, params: Sequence[object]) -> list[Any]:
        found: list[Any] = self.connection.execute(_with_question_marks(sql), params).fetchall()
        return found


@lru_cache(maxsize=1000)
def _with_question_marks(sql: str) -> str:
    """Write %s as SQLite's ?, once a statement; Django's cursor does it at each execution."""
    return base.FORMAT_QMARK_REGEX.sub("?", sql).replace("%%", "%")
