"""Queries that Django builds and compiles once.

That work takes several times as long as the database's answer. So what is asked at every request is
compiled when it is asked first, with stand-ins for what differs, and from then on only run.
"""

from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from typing import Any, Generic, Self, TypeVar, cast

from django.db import connection
from django.db.models import QuerySet
from django.db.models.query import NamedValuesListIterable, get_related_populators

from openchair.database.statements import ask

Row = TypeVar("Row")


@dataclass(frozen=True)
class _Compiled:
    """The SQL of a query, where its arguments go, and how its rows become what they stand for."""

    sql: str
    params: Sequence[object]
    places: Sequence[tuple[int, str]]
    converters: dict[int, tuple[list[Callable[..., Any]], Any]]
    read: Callable[[Sequence[Any]], Any]


class Prepared(Generic[Row]):
    """A query to be run with other arguments each time.

    build: makes the queryset, of models or a `values_list`, from its arguments; each of them has
    to be a value that is compared with a column as it is, a text or an instant.
    arguments: their names, with `str` or `datetime`.
    """

    def __init__(
        self, build: Callable[..., QuerySet[Any, Row]], **arguments: type[str] | type[datetime]
    ) -> None:
        self._build = build
        self._arguments = arguments

    def compiled(self) -> Self:
        """Compile it now, to hear at once what is wrong with it."""
        self._as_compiled  # noqa: B018  # it is kept
        return self

    @cached_property
    def _as_compiled(self) -> _Compiled:
        return self._compile()

    def all(self, **values: str | datetime) -> list[Row]:
        """Run it, and give its rows."""
        return self.read(ask(self.sql, self.params(values)))

    def question(self, **values: str | datetime) -> "Question[Row]":
        """Make a question of it, to be asked later or together with another one."""
        return Question(self, values)

    @property
    def sql(self) -> str:
        """Give its SQL, for `params`."""
        return self._as_compiled.sql

    def params(self, values: Mapping[str, str | datetime]) -> list[Any]:
        """Give the parameters of its SQL for these values of its arguments."""
        compiled = self._as_compiled
        params: list[Any] = list(compiled.params)
        for index, name in compiled.places:
            params[index] = _adapted(values[name])
        return params

    def read(self, rows: list[Any]) -> list[Row]:
        """Make of the rows that its SQL finds what they stand for."""
        compiled = self._as_compiled
        for index, (functions, column) in compiled.converters.items():
            for function in functions:
                rows = [
                    (*row[:index], function(row[index], column, connection), *row[index + 1 :])
                    for row in rows
                ]
        return rows if compiled.read is tuple else [compiled.read(row) for row in rows]

    def first(self, **values: str | datetime) -> Row | None:
        """Run it, and give its first row, if there is one."""
        rows = self.all(**values)
        return rows[0] if rows else None

    def _compile(self) -> _Compiled:
        stand_ins = {
            # Nobody asks for such a text, or such a time.
            name: f"\0{name}" if kind is str else datetime.min.replace(tzinfo=UTC) + timedelta(n)
            for n, (name, kind) in enumerate(self._arguments.items(), start=1)
        }
        queryset = self._build(**stand_ins)
        compiler = queryset.query.get_compiler(connection=connection)
        sql, params = compiler.as_sql()
        names = {_adapted(value): name for name, value in stand_ins.items()}
        return _Compiled(
            sql,
            params,
            [
                (index, names[value])
                for index, value in enumerate(params)
                if isinstance(value, str | datetime) and value in names
            ],
            compiler.get_converters(column for column, _, _ in compiler.select),
            _reader(queryset, compiler),
        )


class Question(Generic[Row]):
    """A prepared query with its arguments: asked at once, or along with another statement."""

    def __init__(self, prepared: Prepared[Row], values: Mapping[str, str | datetime]) -> None:
        self.prepared = prepared
        self.values = values
        self._answer: list[Row] | None = None

    def hear(self, rows: list[Any]) -> None:
        """Take the answer from whoever asked along."""
        self._answer = self.prepared.read(rows)

    def answer(self) -> list[Row]:
        """Give its rows, once; asked again, it looks again."""
        answer, self._answer = self._answer, None
        return self.prepared.all(**self.values) if answer is None else answer


def _adapted(value: str | datetime) -> object:
    """Write a value as this database wants it."""
    if isinstance(value, datetime):
        return connection.ops.adapt_datetimefield_value(value)
    return value


def _reader(queryset: Any, compiler: Any) -> Callable[[Sequence[Any]], Any]:
    """Make what turns a row into a named tuple or, with its relations, into a model's instance.

    A plain tuple is what a row is already.
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
