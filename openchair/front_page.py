"""The front page: who OpenChair is for, and where each goes."""

import tomllib
from functools import cache

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from openchair.database import failures
from openchair.docs.views import first_calls
from practices.models import Practice


@require_safe
def index(request: HttpRequest) -> HttpResponse:
    context = {"version": _version(), "is_empty": _is_empty(), **first_calls(request)}
    return render(request, "index.html", context)


@cache
def _version() -> str:
    project = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["project"]
    version: str = project["version"]
    return version


def _is_empty() -> bool:
    """Whether no practice is onboarded; while the database is away nobody is told so."""
    try:
        return not Practice.objects.exists()
    except failures.ERRORS:
        return False
