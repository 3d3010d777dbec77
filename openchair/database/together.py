"""One round trip for two queries: a compiled query is run within another statement.

On PostgreSQL a GET takes 569 µs that way, 699 with two statements (docs/fast-path.md).
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from openchair.database.compiled import BoundQuery
from openchair.database.execute import fetch_all


def fetch_together(
    ctes: str, params: Sequence[object], *, row: str, along: BoundQuery[Any]
) -> tuple[Any, ...] | None:
    """Return the one row of a common table expression; set the rows of `along`, run with it.

    ctes: what follows WITH; `row` is one of the names that it defines, and has one row or none.
    params: the parameters of `ctes`. Where there is no row, None is returned and `along` has not
    been run.
    """
    sql = _joined(ctes, row, along.query.sql)
    rows = fetch_all(sql, [*params, *along.params])
    if not rows:
        return None
    width = along.query.width
    along.receive([found[-width:] for found in rows if found[-width - 1]])
    found: tuple[Any, ...] = rows[0][: -width - 1]
    return found


@lru_cache(maxsize=100)
def _joined(ctes: str, row: str, sql: str) -> str:
    # Where the query has no row, the join makes one of NULLs; TRUE marks the real ones.
    return (
        f"WITH {ctes} SELECT {row}.*, along.* FROM {row} "  # noqa: S608  # all of it ours
        f"LEFT JOIN (SELECT TRUE, query.* FROM ({sql}) AS query) AS along ON TRUE"
    )
