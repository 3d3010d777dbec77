"""JSON encoding: compact texts, and arrays joined from elements that are stored as JSON."""

import json
from collections.abc import Iterable

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def join_array(texts: Iterable[str]) -> str:
    """Return the JSON of an array, from the JSON of each element."""
    return f"[{','.join(texts)}]"
