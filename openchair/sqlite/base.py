"""Django's SQLite backend, which makes no file: an empty one in place of a lost one is no help."""

from typing import Any

from django.db.backends.sqlite3 import base, features

from openchair.sqlite import files


class DatabaseFeatures(features.DatabaseFeatures):
    """What every SQLite that Python 3.11 comes with can do, without opening a file to ask it."""

    supports_json_field = True


class DatabaseWrapper(base.DatabaseWrapper):
    """Opens a file that is there; `manage.py migrate` and `restore` make it."""

    features_class = DatabaseFeatures

    def get_connection_params(self) -> dict[str, Any]:
        """Ask for reading and writing, not for making."""
        params: dict[str, Any] = super().get_connection_params()
        params["database"] = files.address(params["database"])
        return params
