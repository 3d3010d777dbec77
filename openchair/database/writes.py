"""Inserts and updates of model instances, with SQL that is built once for each model.

Django builds it at each save, which takes longer than the database does.
"""

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from django.db import connection
from django.db.models import Field, Model

_TAKEN_AS_THEY_ARE: dict[str, set[type]] = {
    "postgresql": {str, int, bool, datetime, date},
    "sqlite": {str, int, bool},
}
"""Types of values that the database's driver takes, in a column of any type but JSON."""


@cache
def _columns(model: type[Model]) -> "dict[str, Field[Any, Any]]":
    """Return a model's fields by attribute name, without a key that the database generates."""
    fields = model._meta.concrete_fields
    return {str(field.attname): field for field in fields if not _is_made(field)}


def _is_made(field: "Field[Any, Any]") -> bool:
    """Whether the database generates it: a key. A default of the database is in the instance."""
    return field.primary_key and bool(field.db_returning)


def _values(row: Model, names: Sequence[str]) -> list[Any]:
    """Return the values of these columns, as the database's driver takes them."""
    columns, as_they_are = _columns(type(row)), _TAKEN_AS_THEY_ARE[connection.vendor]
    values = [getattr(row, name) for name in names]
    return [
        # Most values; calling the field takes longer than sending one.
        value
        if value is None or type(value) in as_they_are
        else columns[name].get_db_prep_save(value, connection=connection)
        for name, value in zip(names, values, strict=True)
    ]


class Statement(NamedTuple):
    """A statement that writes, to be run by `run`."""

    sql: str
    params: Sequence[Any]


class Made(NamedTuple):
    """A column that the database computes: the SQL, and its parameters for each row."""

    sql: str
    params: Sequence[Sequence[object]]


def run(**statements: Statement) -> Any:
    """Run statements and return a cursor with the rows of the last one.

    On SQLite one by one, in this order. On PostgreSQL in one round trip and in no fixed order, as
    common table expressions of the last: none of them sees what another one writes, but for what
    that returns under its name, and no two may write the same row.
    In a pipeline (compiled.pipeline), read the cursor after the block: reading waits.
    """
    *earlier, last = statements.items()
    cursor = connection.cursor()
    try:
        if connection.vendor == "postgresql":
            sql = _joined(tuple((name, one.sql) for name, one in earlier), last[1].sql)
            cursor.execute(sql, [each for one in statements.values() for each in one.params])
        else:
            for one in statements.values():
                cursor.execute(one.sql, one.params)
    except BaseException:
        # The traceback keeps the cursor until garbage collection, in whichever thread that runs. On
        # SQLite, freeing an open one waits for this connection, and this connection may be waiting
        # for the write lock of that thread.
        cursor.close()
        raise
    return cursor


@lru_cache(maxsize=500)
def _joined(earlier: tuple[tuple[str, str], ...], last: str) -> str:
    if not earlier:
        return last
    return f"WITH {', '.join(f'{name} AS ({sql})' for name, sql in earlier)} {last}"


def insert(rows: Sequence[Model], **made: Made) -> Statement:
    """Insert new rows of one model; it returns what `read_back` reads.

    made: the columns that the database computes, by attribute name.
    """
    model, as_said = type(rows[0]), [name for name in _columns(type(rows[0])) if name not in made]
    sql = _insertion(model, len(rows), tuple((name, how.sql) for name, how in made.items()))
    params: list[Any] = []
    for nth, row in enumerate(rows):
        params += _values(row, as_said)
        params += [param for how in made.values() for param in how.params[nth]]
        row._state.adding, row._state.db = False, connection.alias
    return Statement(sql, params)


def read_back(cursor: Any, rows: Sequence[Model], *made: str) -> None:
    """Set the columns that the database computed in an insert of these rows."""
    names = (*_made_keys(type(rows[0])), *made)
    with cursor:
        for row, values in zip(rows, cursor.fetchall(), strict=True):
            for name, value in zip(names, values, strict=True):
                setattr(row, name, value)


@cache
def _made_keys(model: type[Model]) -> tuple[str, ...]:
    return tuple(str(field.attname) for field in model._meta.concrete_fields if _is_made(field))


@lru_cache(maxsize=500)
def _insertion(model: type[Model], count: int, made: tuple[tuple[str, str], ...]) -> str:
    """Return the INSERT: first the columns with values, then the computed ones."""
    columns = _columns(model)
    names = [name for name in columns if name not in dict(made)] + [name for name, _ in made]
    listed = ", ".join(_quoted(columns[name].column) for name in names)
    marks = ["%s"] * (len(names) - len(made)) + [sql for _, sql in made]
    rows = ", ".join([f"({', '.join(marks)})"] * count)
    sql = f"INSERT INTO {_quoted(model._meta.db_table)} ({listed}) VALUES {rows}"  # noqa: S608  # names of ours
    keys = [field.column for field in model._meta.concrete_fields if _is_made(field)]
    returned = [*keys, *(columns[name].column for name, _ in made)]
    return f"{sql} RETURNING {', '.join(map(_quoted, returned))}" if returned else sql


def snapshot(row: Model) -> dict[str, Any]:
    """Return the values of a row's columns by attribute name."""
    return {name: getattr(row, name) for name in _columns(type(row))}


def changed(row: Model, *, since: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the columns that differ from a snapshot."""
    return tuple(name for name, was in since.items() if getattr(row, name) != was)


def update(rows: Sequence[Model], names: tuple[str, ...]) -> Statement:
    """Write these columns of locked rows of one model; their values are the same in every row."""
    values = [*_values(rows[0], names), *(row.pk for row in rows)]
    return Statement(_change(type(rows[0]), names, len(rows)), values)


@lru_cache(maxsize=500)
def _change(model: type[Model], names: tuple[str, ...], count: int) -> str:
    columns = _columns(model)
    said = ", ".join(f"{_quoted(columns[name].column)} = %s" for name in names)
    key = _quoted(next(field.column for field in columns.values() if field.primary_key))
    which = f"{key} = %s" if count == 1 else f"{key} IN ({', '.join(['%s'] * count)})"
    return f"UPDATE {_quoted(model._meta.db_table)} SET {said} WHERE {which}"  # noqa: S608  # names of ours


def _quoted(name: object) -> str:
    return str(connection.ops.quote_name(str(name)))
