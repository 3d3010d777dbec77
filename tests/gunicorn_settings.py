"""gunicorn's settings and the product's, as an operator's environment makes them."""

import os
import subprocess
import sys

from tests.server import ROOT


def gunicorn_setting(name: str, **environment: str) -> str:
    """Print one of openchair/gunicorn.py's settings."""
    return _printed(f"from openchair import gunicorn; print(gunicorn.{name})", environment)


def database_options(**environment: str) -> str:
    """Print the options that a connection to the database is made with."""
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
