"""The file of an SQLite database: made in one place, and by nothing that merely opens it."""

from pathlib import Path
from urllib.parse import quote


def address(path: str | Path) -> str:
    """Write what opens a file for reading and writing, and fails where there is none."""
    return f"file:{quote(str(path))}?mode=rw"


def make(path: Path) -> bool:
    """Make an empty database where there is none; say whether that was so."""
    if path.exists():
        return False
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)  # patients are in it: nobody else on this machine looks
    return True
