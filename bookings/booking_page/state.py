"""What a patient has said so far, sealed into form and address, so that no cookie is needed."""

import json
import secrets
from dataclasses import asdict, dataclass, replace
from datetime import date, datetime
from typing import Any, Self

from openchair import encryption

LASTS = 7200
"""Seconds since the first page, for which a state can be read."""


class UnreadableState(Exception):
    """Not sealed here, of another practice, or too old."""


@dataclass(frozen=True)
class State:
    """What was said in steps 1 to 4, and which places are held.

    What is typed in step 5 is not here but in the rows of the held places.
    """

    practice_id: str
    page: str
    """Random; the same from the first page of a browser to the last."""
    began: float
    """When the first page was made, in seconds since 1970."""
    people: tuple[tuple[str, str], ...] = ()
    """First and last names."""
    adult: bool = True
    """Whether all of them are 18 or older."""
    guardian_name: str = ""
    location_id: str | None = None
    """None: any."""
    doctor_id: str | None = None
    """None: any."""
    opening: str | None = None
    """The id of the opening that the link to the first page named, until a time is chosen."""
    day: date | None = None
    held: tuple[str, ...] = ()
    """Ids of the held appointments, in the order of `people`."""
    earlier: bool = False
    """Whether they want to be told of an earlier time, once this one is booked."""
    source: str | None = None
    attribution: dict[str, str] | None = None
    preview: bool = False
    """Whether staff look at the page, which may be off."""

    @classmethod
    def begin(cls, practice_id: str, now: datetime, **said: Any) -> Self:
        page = secrets.token_urlsafe(12)
        return cls(practice_id=practice_id, page=page, began=now.timestamp(), **said)

    @classmethod
    def read(cls, sealed: str, practice_id: str, now: datetime) -> Self:
        """Return what `sealed` says. Raises UnreadableState."""
        # A lone surrogate is no character that can be encoded; sealed text is ASCII.
        if not sealed.isascii():
            raise UnreadableState
        try:
            said = json.loads(encryption.unseal(sealed))
        except (encryption.UnreadableError, ValueError):
            raise UnreadableState from None
        # Patients' data is sealed with the same keys; only a state says what it is.
        if (
            not isinstance(said, dict)
            or said.pop("is", None) != "state"
            or said["practice_id"] != practice_id
        ):
            raise UnreadableState
        if now.timestamp() - said["began"] > LASTS:
            raise UnreadableState
        said["people"] = tuple((first, last) for first, last in said.get("people", ()))
        said["held"] = tuple(said.get("held", ()))
        if "day" in said:
            said["day"] = date.fromisoformat(said["day"])
        return cls(**said)

    def sealed(self) -> str:
        nothing = State(self.practice_id, self.page, self.began)
        said = {
            name: str(value) if isinstance(value, date) else value
            for name, value in asdict(self).items()
            if name in {"practice_id", "page", "began"} or value != getattr(nothing, name)
        }
        text = json.dumps({"is": "state", **said}, ensure_ascii=False, separators=(",", ":"))
        return encryption.seal(text)

    def but(self, **said: Any) -> Self:
        """Return a copy that says this instead."""
        return replace(self, **said)

    @property
    def names(self) -> list[str]:
        return [f"{first} {last}".strip() for first, last in self.people]
