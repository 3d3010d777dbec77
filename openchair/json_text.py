"""JSON as texts: compact, and joined where parts of it are stored."""

import json
from collections.abc import Iterable

encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode


def join_array(texts: Iterable[str]) -> str:
    """Join the JSON of each element into that of the array."""
    return f"[{','.join(texts)}]"
