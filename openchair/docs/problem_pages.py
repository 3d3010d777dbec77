"""What the page of a problem shows beside its meaning: reasons, and an example."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from openchair.api import reasons
from openchair.api.problems import ProblemType
from openchair.docs import markdown
from openchair.docs.reference import Operation, operations

_FOLDER = Path(__file__).with_name("examples_of_problems")
_TABLES = {
    "Of a booking": reasons.OF_A_BOOKING,
    "Of an appointment": reasons.OF_AN_APPOINTMENT,
    "Of a waiting list": reasons.OF_A_WAITING_LIST_ENTRY,
    "Of a webhook": reasons.OF_A_WEBHOOK,
}
Table = list[tuple[str, str]]


@dataclass(frozen=True)
class Example:
    """A request and its answer, as HTTP; of the answer's headers those that matter."""

    request: str
    answer: str

    def at(self, installation: str) -> "Example":
        """Return it as an installation answers, given by scheme and host."""
        return Example(self.request, self.answer.replace(markdown.INSTALLATION, installation))


@cache
def example(slug: str) -> Example:
    """Return the example of a problem, which a test compares with what the server answers."""
    text = (_FOLDER / f"{slug}.txt").read_text()
    request, mark, answer = text.partition("\n\nHTTP/1.1 ")
    return Example(request.strip(), (mark + answer).strip())


def reasons_of(slug: str) -> list[tuple[str, Table]]:
    """Return the tables of a problem's reasons, each with its heading; only a 409 has any.

    What is told of a reason has Markdown's backticks.
    """
    if slug != "conflict":
        return []
    return [(of, [*table.items()]) for of, table in _TABLES.items()]


def operations_with(kind: ProblemType) -> list[Operation]:
    """Return the operations that can answer it, or none where every one can."""
    every = operations().values()
    found = [one for one in every if any(kind in each.problems for each in one.failures)]
    return found if len(found) < len(every) else []
