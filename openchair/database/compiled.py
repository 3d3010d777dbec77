"""Compiled queries, and how they are executed on the driver's own connection.

A compiled query is a queryset whose SQL is built once per process, to run with other arguments:
building and compiling it takes several times as long as the database's answer, and a short
statement takes half as long without Django's cursor wrappers. docs/fast-path.md has the figures,
the trade-offs, and the private parts of Django that this uses.
"""

import re
from abc import abstractmethod
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar, cast

from django.db import connection
from django.db.models import QuerySet
from django.db.models.query import NamedValuesListIterable, get_related_populators

if TYPE_CHECKING:
    from django.db.backends.base.base import BaseDatabaseWrapper as _Backend
else:
    _Backend = object

Row = TypeVar("Row")
_ANCIENT = re.compile(r"0\d{3}-\d\d-\d\d")

# Execution -----------------------------------------------------------------------------------


class DirectExecution(_Backend):
    """Mixin of our two database backends.

    As safe as a cursor: a broken connection is detected, errors are Django's, and the connection's
    `execute_wrappers` run around every statement.
    """

    execute_wrappers: list[Any]

    def fetch_all(self, sql: str, params: Sequence[object]) -> list[Any]:
        """Execute a statement that returns rows; its placeholders are %s."""
        if self.queries_logged:  # DEBUG, or a test that captures queries
            with self.cursor() as cursor:
                cursor.execute(sql, cast("Any", params))
                return list(cursor.fetchall())
        self.close_if_health_check_failed()
        self.ensure_connection()
        self.validate_no_broken_transaction()
        execute: Any = self._execute
        for wrapper in reversed(self.execute_wrappers):
            execute = partial(wrapper, execute)
        return cast("list[Any]", execute(sql, params, False, {"connection": self}))

    def _execute(self, sql: str, params: Sequence[object], *_context: object) -> list[Any]:
        with self.wrap_database_errors:
            return self.driver_rows(sql, params)

    @abstractmethod
    def driver_rows(self, sql: str, params: Sequence[object]) -> list[Any]:
        """Execute a statement on the driver's connection and return all of its rows."""

    def driver_pipeline(self) -> AbstractContextManager[Any]:
        """Return the driver's pipeline mode; without one, statements run one by one."""
        return nullcontext()


@contextmanager
def pipeline() -> Iterator[None]:
    """Send statements without waiting for each result: one round trip for all in the block.

    In a transaction only. Reading a result waits for it. The error of a failed statement is raised
    there, or at the end of the block.
    """
    backend = cast("DirectExecution", connection)
    with backend.wrap_database_errors, backend.driver_pipeline():
        yield


def fetch_all(sql: str, params: Sequence[object]) -> list[Any]:
    """Execute a statement on the default connection and return its rows."""
    return cast("DirectExecution", connection).fetch_all(sql, params)


# Compiled queries ----------------------------------------------------------------------------


@dataclass(frozen=True)
class _Compiled:
    """places: pairs of an index of `params` and the name of the argument that goes there."""

    sql: str
    params: Sequence[object]
    places: Sequence[tuple[int, str]]
    width: int
    converters: dict[int, tuple[list[Callable[..., Any]], Any]]
    read: Callable[[Sequence[Any]], Any]


class CompiledQuery(Generic[Row]):
    """A query compiled at its first use.

    build: returns the queryset, of models or a `values_list`, for its arguments. Each of them has
    to become a query parameter unchanged: `now + a_week` would be computed once. Compiling raises
    TypeError for that.
    arguments: their names and types.
    """

    def __init__(
        self, build: Callable[..., QuerySet[Any, Row]], **arguments: type[str] | type[datetime]
    ) -> None:
        self._build = build
        self._arguments = arguments

    def compile(self) -> Self:
        """Compile it now, so that an error in it is raised here."""
        self._compiled  # noqa: B018  # a cached property
        return self

    def all(self, **values: str | datetime) -> list[Row]:
        """Run it and return its rows."""
        return self.convert(fetch_all(self.sql, self.params(values)))

    def first(self, **values: str | datetime) -> Row | None:
        """Run it and return its first row, if there is one."""
        rows = self.all(**values)
        return rows[0] if rows else None

    def bind(self, **values: str | datetime) -> "BoundQuery[Row]":
        """Bind its arguments, to run it later or along with another statement."""
        return BoundQuery(self, values)

    @property
    def sql(self) -> str:
        return self._compiled.sql

    @property
    def width(self) -> int:
        """The number of columns that it selects."""
        return self._compiled.width

    def params(self, values: Mapping[str, str | datetime]) -> list[Any]:
        """Return the SQL parameters for these arguments."""
        compiled = self._compiled
        params: list[Any] = list(compiled.params)
        for index, name in compiled.places:
            params[index] = values[name]
        return _adapted(params) if datetime in self._arguments.values() else params

    def convert(self, rows: list[Any]) -> list[Row]:
        """Convert the driver's rows into tuples, named tuples or model instances."""
        compiled = self._compiled
        for index, (functions, column) in compiled.converters.items():
            for function in functions:
                rows = [
                    (*row[:index], function(row[index], column, connection), *row[index + 1 :])
                    for row in rows
                ]
        return rows if compiled.read is tuple else [compiled.read(row) for row in rows]

    @cached_property
    def _compiled(self) -> _Compiled:
        stand_ins = {
            # No row has such a text, or an instant in the year 1.
            name: f"\0{name}" if kind is str else datetime.min.replace(tzinfo=UTC) + timedelta(n)
            for n, (name, kind) in enumerate(self._arguments.items(), start=1)
        }
        queryset = self._build(**stand_ins)
        compiler = queryset.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        names = dict(zip(_adapted([*stand_ins.values()]), stand_ins, strict=True))
        places = [
            (index, names[value])
            for index, value in enumerate(params)
            if isinstance(value, str | datetime) and value in names
        ]
        for index in {*range(len(params))} - {index for index, _ in places}:
            if self._is_computed(str(params[index])):
                raise TypeError("an argument of a compiled query goes into it as it is")
        return _Compiled(
            sql,
            params,
            places,
            len(compiler.select),
            compiler.get_converters(column for column, _, _ in compiler.select),
            _reader(queryset, compiler),
        )

    def _is_computed(self, text: str) -> bool:
        """Whether a parameter was computed from a stand-in."""
        if datetime in self._arguments.values() and _ANCIENT.match(text):
            return True
        return any(f"\0{name}" in text for name in self._arguments)


class BoundQuery(Generic[Row]):
    """A compiled query with its arguments; `rows` runs it at most once, `fetch` every time."""

    def __init__(self, query: CompiledQuery[Row], values: Mapping[str, str | datetime]) -> None:
        self.query = query
        self.params = query.params(values)
        self._rows: list[Row] | None = None

    def rows(self) -> list[Row]:
        """Return its rows: those of `receive`, if it was run along with another statement."""
        return self.fetch() if self._rows is None else self._rows

    def fetch(self) -> list[Row]:
        """Run it now, even if it has run before."""
        self._rows = self.query.convert(fetch_all(self.query.sql, self.params))
        return self._rows

    def receive(self, rows: list[Any]) -> None:
        """Set its rows, from the driver's rows of a statement that included it."""
        self._rows = self.query.convert(rows)


def _adapted(params: list[Any]) -> list[Any]:
    """Return these with instants as the database's driver takes them."""
    adapt = connection.ops.adapt_datetimefield_value  # each look-up of the connection takes 1 µs
    return [adapt(value) if isinstance(value, datetime) else value for value in params]


def _reader(queryset: Any, compiler: Any) -> Callable[[Sequence[Any]], Any]:
    """Return what converts a row into a named tuple, or a model instance with its select_related.

    `tuple` where the rows stay tuples.
    """
    if queryset._fields is not None:
        if queryset._iterable_class is not NamedValuesListIterable:
            return tuple
        named: Any = namedtuple("Row", queryset._fields)  # type: ignore[misc]  # known only now
        return cast("Callable[[Sequence[Any]], Any]", named._make)
    model, columns = compiler.klass_info["model"], compiler.klass_info["select_fields"]
    names = [compiler.select[column][0].target.attname for column in columns]
    relations = get_related_populators(  # type: ignore[call-arg]  # the stubs are those of Django 6
        compiler.klass_info, compiler.select, connection.alias
    )
    first, after = columns[0], columns[-1] + 1

    def read(row: Sequence[Any]) -> Any:
        instance = model.from_db(connection.alias, names, row[first:after])
        for relation in relations:
            relation.populate(row, instance)
        return instance

    return read


# One round trip for two queries --------------------------------------------------------------


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
