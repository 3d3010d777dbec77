"""Rows written whole, with SQL that is made once for each model.

Django makes it anew at each save, which takes longer than the database does.
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
"""Kinds of values that the database's driver takes, in a column of any kind but JSON."""


@cache
def _columns(model: type[Model]) -> "dict[str, Field[Any, Any]]":
    """Give a model's columns by the names of their attributes, less a key the database makes."""
    fields = model._meta.concrete_fields
    return {str(field.attname): field for field in fields if not field.db_returning}


def _values(row: Model, names: Sequence[str]) -> list[Any]:
    """Give what is in these columns of a row, as the database's driver takes it."""
    columns, as_they_are = _columns(type(row)), _TAKEN_AS_THEY_ARE[connection.vendor]
    values = [getattr(row, name) for name in names]
    return [
        # Which is most of them, and asking the field takes longer than sending it.
        value
        if value is None or type(value) in as_they_are
        else columns[name].get_db_prep_save(value, connection=connection)
        for name, value in zip(names, values, strict=True)
    ]


class Made(NamedTuple):
    """A column whose value the database makes, by SQL with a place for each of these columns."""

    sql: str
    of: tuple[str, ...]


def insert(rows: Sequence[Model], **made: Made) -> None:
    """Insert new rows of one model; what the database makes is not read back.

    made: columns that are not written as they are.
    """
    if not rows:
        return
    sql, names = _insertion(type(rows[0]), len(rows), tuple(made.items()))
    with connection.cursor() as cursor:
        cursor.execute(sql, [value for row in rows for value in _values(row, names)])
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


@lru_cache(maxsize=500)
def _insertion(
    model: type[Model], count: int, made: tuple[tuple[str, Made], ...]
) -> tuple[str, tuple[str, ...]]:
    """Write the SQL, and say which columns of each row are its parameters."""
    columns = _columns(model)
    values = {name: Made("%s", of=(name,)) for name in columns} | dict(made)
    names = ", ".join(_quoted(columns[name].column) for name in values)
    places = ", ".join(value.sql for value in values.values())
    rows = ", ".join([f"({places})"] * count)
    sql = f"INSERT INTO {_quoted(model._meta.db_table)} ({names}) VALUES {rows}"  # noqa: S608  # names of ours
    return sql, tuple(name for value in values.values() for name in value.of)


def snapshot(row: Model) -> dict[str, Any]:
    """Note what is in a row's columns."""
    return {name: getattr(row, name) for name in _columns(type(row))}


def update(row: Model, *, since: dict[str, Any]) -> None:
    """Write those columns of a locked row that are not as they were in a snapshot."""
    changed = tuple(name for name, was in since.items() if getattr(row, name) != was)
    if not changed:
        return
    with connection.cursor() as cursor:
        cursor.execute(_change(type(row), changed), [*_values(row, changed), row.pk])


@lru_cache(maxsize=500)
def _change(model: type[Model], names: tuple[str, ...]) -> str:
    columns = _columns(model)
    said = ", ".join(f"{_quoted(columns[name].column)} = %s" for name in names)
    key = next(field.column for field in columns.values() if field.primary_key)
    return f"UPDATE {_quoted(model._meta.db_table)} SET {said} WHERE {_quoted(key)} = %s"  # noqa: S608  # names of ours


def _quoted(name: object) -> str:
    return str(connection.ops.quote_name(str(name)))
