"""Static files: whether manage.py collectstatic has collected those of the code."""

from collections.abc import Iterator
from filecmp import cmp
from pathlib import Path

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles import finders
from django.contrib.staticfiles.storage import staticfiles_storage


def _found() -> Iterator[tuple[str, str]]:
    """Yield the name and the path of each file that would be collected."""
    ignored = apps.get_app_config("staticfiles").ignore_patterns  # type: ignore[attr-defined]  # its own
    for finder in finders.get_finders():
        for name, storage in finder.list(ignored):
            prefix = getattr(storage, "prefix", None)  # as collectstatic does, of STATICFILES_DIRS
            yield f"{prefix}/{name}" if prefix else name, storage.path(name)


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
