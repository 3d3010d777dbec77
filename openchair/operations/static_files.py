"""Static files: whether manage.py collectstatic has collected those of the code."""

from collections.abc import Iterator
from filecmp import cmp
from pathlib import Path, PurePath

from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage

from openchair.apps import StaticFilesConfig


def _found() -> Iterator[tuple[str, str]]:
    """Yield the name and the path of each file that would be collected."""
    for finder in finders.get_finders():
        for name, storage in finder.list(StaticFilesConfig.ignore_patterns):
            prefix = getattr(storage, "prefix", None) or ""
            yield str(PurePath(prefix, name)), storage.path(name)


def missing() -> Iterator[str]:
    """Yield the names of files for which `{% static %}` would fail, and the page with it."""
    for name, _ in _found():
        try:
            staticfiles_storage.url(name)
        except ValueError:
            yield name


def outdated() -> Iterator[str]:
    """Yield the names of collected files that are not as they are in the code."""
    for name, path in _found():
        collected = Path(settings.STATIC_ROOT) / name
        if collected.exists() and not cmp(path, collected, shallow=False):
            yield name
