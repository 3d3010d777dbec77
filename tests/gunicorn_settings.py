"""Reads settings of gunicorn and Django as an environment makes them."""

import os
import subprocess
import sys

from tests.server import ROOT


def gunicorn_setting(name: str, **environment: str) -> str:
    """Return one of openchair/gunicorn.py's settings, as text."""
    return _printed(f"from openchair import gunicorn; print(gunicorn.{name})", environment)


def database_options(**environment: str) -> str:
    """Return the libpq options of the database connection, as text."""
    return _printed(
        "from openchair import settings; print(settings.DATABASES['default']['OPTIONS'])",
        environment,
    )


def _printed(program: str, environment: dict[str, str]) -> str:
    told = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    return told.stdout.strip()
