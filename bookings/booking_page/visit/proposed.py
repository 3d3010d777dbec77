"""What the office proposes to a patient whose request it cannot meet, in the patient's words."""

from dataclasses import dataclass
from datetime import datetime

from bookings.booking_page import words
from bookings.models import Appointment, Proposal, ProposalOutcome, ProposedTime
from bookings.scheduling import bookings, proposals
from practices.models import Kind


@dataclass(frozen=True)
class Choice:
    """A time to choose. hint: with whom, and where."""

    time: ProposedTime

    @property
    def value(self) -> str:
        return str(self.time.pk)

    @property
    def label(self) -> str:
        return words.opening_time(self.time.start_datetime, self.time.booking.location, Kind.EXACT)

    @property
    def hint(self) -> str:
        return f"{self.time.booking.doctor.name} · {self.time.booking.location.name}"


@dataclass(frozen=True)
class Proposed:
    """The last proposal of a request.

    choices: times that can be had; none where it is answered. is_live: whether they are on hold,
    until then.
    """

    proposal: Proposal
    choices: list[Choice]
    is_live: bool
    until: str

    @property
    def is_for_others(self) -> bool:
        """Whether the patient has asked for other times."""
        return self.proposal.outcome == ProposalOutcome.OTHERS


def of(request: Appointment, now: datetime) -> Proposed | None:
    """Return what was last proposed for a request, settled."""
    last = request.proposals.order_by("-pk").first()
    if last is None:
        return None
    location, is_live = request.booking.location, last.is_live(now)
    rows: list[ProposedTime] = []
    if proposals.can_answer(last, request):
        if not is_live:  # holds that have ended are free only after it
            bookings.catch_up(practice_id=request.booking.practice_id, now=now)
        rows = proposals.to_choose(last, now)
    until = words.opening_time(last.until, location, Kind.EXACT)
    return Proposed(last, [Choice(each) for each in rows], is_live, until)
