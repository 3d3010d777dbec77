"""SQLite backend that opens only a file that exists: `manage.py migrate` creates it."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from django.db.backends.sqlite3 import base, features

from openchair.database.compiled import DirectExecution


class DatabaseFeatures(features.DatabaseFeatures):
    """By default Django opens the file to find this out, for the checks before `migrate` too."""

    supports_json_field = True


class DatabaseWrapper(DirectExecution, base.DatabaseWrapper):
    """Creates no missing file: an empty database in place of a lost one would hide the loss."""

    features_class = DatabaseFeatures

    def get_connection_params(self) -> dict[str, Any]:
        params: dict[str, Any] = super().get_connection_params()
        params["database"] = f"file:{quote(str(params['database']))}?mode=rw"
        return params

    def prepare_database(self) -> None:
        """Create the file for its owner alone to read: it has patients' data."""
        path = Path(self.settings_dict["NAME"])
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)

    def driver_rows(self, sql: str, params: Sequence[object]) -> list[Any]:
        found: list[Any] = self.connection.execute(_with_question_marks(sql), params).fetchall()
        return found


@lru_cache(maxsize=1000)
def _with_question_marks(sql: str) -> str:
    """Convert %s to SQLite's ?, cached per statement; Django's cursor does it at each execution."""
    return base.FORMAT_QMARK_REGEX.sub("?", sql).replace("%%", "%")
