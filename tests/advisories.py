"""Whether a pinned version has a known vulnerability, asked of OSV.dev at the moment it runs.

    python -m tests.advisories requirements.txt ...

OSV.dev gathers the Python Packaging Advisory Database and GitHub's reviewed advisories. Exit status
1 says that a pin has an advisory; 75 that nothing could be checked, which is said aloud. Each run
also asks about a pin that has advisories for certain, and believes no answer that misses it.
"""

import argparse
import json
import re
import sys
from datetime import UTC, datetime
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

SOURCE = "https://api.osv.dev"
KNOWN_TO_BE_BAD = ("django", "3.2.0")
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
Pin = tuple[str, str]


class NotChecked(Exception):
    """The source cannot be reached, or its answer cannot be believed; the text says which."""


def pins(*texts: str) -> list[Pin]:
    """Read every pin of some lock files."""
    return sorted(
        {(name.lower(), version) for text in texts for name, version in PIN.findall(text)}
    )


def advisories(asked: list[Pin], source: str = SOURCE) -> dict[Pin, list[str]]:
    """Give what is known against each of these, if anything. Raises NotChecked."""
    queries = [
        {"package": {"name": name, "ecosystem": "PyPI"}, "version": version}
        for name, version in [KNOWN_TO_BE_BAD, *asked]
    ]
    results = _ask(f"{source}/v1/querybatch", {"queries": queries}).get("results", [])
    if len(results) != len(queries) or not results[0].get("vulns"):
        known = "==".join(KNOWN_TO_BE_BAD)
        raise NotChecked(f"{source} answers, but does not know what is wrong with {known}")
    found = {}
    for pin, result in zip(asked, results[1:], strict=True):
        told = [_told(source, each["id"]) for each in result.get("vulns", [])]
        if standing := [text for text in told if text]:
            found[pin] = standing
    return found


def _told(source: str, name: str) -> str:
    """Give an advisory's id and summary; nothing where it was withdrawn."""
    advisory = _ask(f"{source}/v1/vulns/{name}")
    if "withdrawn" in advisory:
        return ""
    summary = advisory.get("summary") or str(advisory.get("details", "")).partition("\n")[0]
    return f"{name}: {summary[:200]}"


def _ask(url: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
    data = None if body is None else json.dumps(body).encode()
    try:
        with urlopen(Request(url, data, {"Content-Type": "application/json"}), timeout=20) as told:
            answer: dict[str, Any] = json.load(told)
            return answer
    except (OSError, HTTPException, ValueError) as error:
        raise NotChecked(f"{url} cannot be asked ({error})") from None


def main(arguments: list[str]) -> int:
    """Tell what is known against the pins of some lock files."""
    parser = argparse.ArgumentParser()
    parser.add_argument("locks", nargs="+", type=Path)
    parser.add_argument("--source", default=SOURCE)
    given = parser.parse_args(arguments)
    asked = pins(*(lock.read_text() for lock in given.locks))
    now = f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    try:
        found = advisories(asked, given.source)
    except NotChecked as reason:
        sys.stdout.write(f"NOT CHECKED at {now}: {reason}.\n")
        return 75
    for (name, version), texts in found.items():
        sys.stdout.write("".join(f"{name}=={version} {text}\n" for text in texts))
    sys.stdout.write(
        f"{len(asked)} pins checked against {given.source} at {now}: {len(found)} with advisories"
        f"{'; script/lock --upgrade-package NAME takes a newer one' if found else ''}.\n"
    )
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
