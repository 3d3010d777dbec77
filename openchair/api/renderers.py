"""Answers in JSON."""

import json
from collections.abc import Iterable
from typing import Any

from django.http import HttpResponse

written = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def array(texts: Iterable[str]) -> str:
    """Join the JSON of each into that of all."""
    return f"[{','.join(texts)}]"


def as_json(data: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """Answer with data, written out at once, so that no renderer has to be asked."""
    return of_text(written(data), status=status, headers=headers)


def of_text(text: str, *, status: int = 200, headers: dict[str, str] | None = None) -> HttpResponse:
    """Answer with JSON that is there already."""
    return HttpResponse(text, status=status, content_type="application/json", headers=headers)
