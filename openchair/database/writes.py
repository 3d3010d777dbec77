"""Inserts and updates of model instances, with SQL that is built once for each model.

Django builds it at each save, which takes longer than the database does.
"""

from collections.abc import Callable, Sequence
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any, NamedTuple

from django.db import DatabaseError, connection
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
    return {str(field.attname): field for field in fields if not field.db_returning}


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


class Made(NamedTuple):
    """A column that the database computes: the SQL, and its parameters for each row."""

    sql: str
    params: Sequence[Sequence[object]]


def insert(rows: Sequence[Model], **made: Made) -> Callable[[], None]:
    """Insert new rows of one model; return what reads back the columns that the database computes.

    In a pipeline (compiled.pipeline), call that after the block: within it, it would wait for the
    result.
    made: the columns that the database computes, by attribute name.
    """
    if not rows:
        return _nothing
    model, as_said = type(rows[0]), [name for name in _columns(type(rows[0])) if name not in made]
    read_back = (*_made_keys(model), *made)
    sql = _insertion(model, len(rows), tuple((name, how.sql) for name, how in made.items()))
    params: list[Any] = []
    for nth, row in enumerate(rows):
        params += _values(row, as_said)
        params += [param for how in made.values() for param in how.params[nth]]
        row._state.adding, row._state.db = False, connection.alias
    cursor = connection.cursor()
    try:
        cursor.execute(sql, params)
    except DatabaseError:
        # The traceback keeps the cursor until garbage collection, in whichever thread that runs. On
        # SQLite, freeing an open one waits for this connection, and this connection may be waiting
        # for the write lock of that thread.
        cursor.close()
        raise
    if not read_back:
        cursor.close()
        return _nothing

    def read() -> None:
        with cursor:
            for row, values in zip(rows, cursor.fetchall(), strict=True):
                for name, value in zip(read_back, values, strict=True):
                    setattr(row, name, value)

    return read


def _nothing() -> None:
    """Read nothing back."""


@cache
def _made_keys(model: type[Model]) -> tuple[str, ...]:
    return tuple(str(field.attname) for field in model._meta.concrete_fields if field.db_returning)


@lru_cache(maxsize=500)
def _insertion(model: type[Model], count: int, made: tuple[tuple[str, str], ...]) -> str:
    """Return the INSERT: first the columns with values, then the computed ones."""
    columns = _columns(model)
    names = [name for name in columns if name not in dict(made)] + [name for name, _ in made]
    listed = ", ".join(_quoted(columns[name].column) for name in names)
    marks = ["%s"] * (len(names) - len(made)) + [sql for _, sql in made]
    rows = ", ".join([f"({', '.join(marks)})"] * count)
    sql = f"INSERT INTO {_quoted(model._meta.db_table)} ({listed}) VALUES {rows}"  # noqa: S608  # names of ours
    keys = [field.column for field in model._meta.concrete_fields if field.db_returning]
    returned = [*keys, *(columns[name].column for name, _ in made)]
    return f"{sql} RETURNING {', '.join(map(_quoted, returned))}" if returned else sql


def snapshot(row: Model) -> dict[str, Any]:
    """Return the values of a row's columns by attribute name."""
    return {name: getattr(row, name) for name in _columns(type(row))}


def changed(row: Model, *, since: dict[str, Any]) -> tuple[str, ...]:
    """Return the names of the columns that differ from a snapshot."""
    return tuple(name for name, was in since.items() if getattr(row, name) != was)


def update(rows: Sequence[Model], names: tuple[str, ...]) -> None:
    """Write these columns of locked rows of one model; their values are the same in every row."""
    if not rows or not names:
        return
    with connection.cursor() as cursor:
        values = [*_values(rows[0], names), *(row.pk for row in rows)]
        cursor.execute(_change(type(rows[0]), names, len(rows)), values)


@lru_cache(maxsize=500)
def _change(model: type[Model], names: tuple[str, ...], count: int) -> str:
    columns = _columns(model)
    said = ", ".join(f"{_quoted(columns[name].column)} = %s" for name in names)
    key = _quoted(next(field.column for field in columns.values() if field.primary_key))
    which = f"{key} = %s" if count == 1 else f"{key} IN ({', '.join(['%s'] * count)})"
    return f"UPDATE {_quoted(model._meta.db_table)} SET {said} WHERE {which}"  # noqa: S608  # names of ours


def _quoted(name: object) -> str:
    return str(connection.ops.quote_name(str(name)))
