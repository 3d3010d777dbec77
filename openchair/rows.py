"""Rows written whole, with SQL that is made once for each model.

Django makes it anew at each save, which takes longer than the database does.
"""

from collections.abc import Sequence
from datetime import date, datetime
from functools import cache, lru_cache
from typing import Any

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


def _value(row: Model, name: str, field: "Field[Any, Any]") -> Any:
    value = getattr(row, name)
    # Which is most of them, and asking the field takes longer than sending it.
    if value is None or type(value) in _TAKEN_AS_THEY_ARE[connection.vendor]:
        return value
    return field.get_db_prep_save(value, connection=connection)


def insert(rows: Sequence[Model]) -> None:
    """Insert new rows of one model; a key that the database makes is not read back."""
    if not rows:
        return
    columns = _columns(type(rows[0]))
    with connection.cursor() as cursor:
        cursor.execute(
            _insertion(type(rows[0]), len(rows)),
            [_value(row, name, field) for row in rows for name, field in columns.items()],
        )
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


@lru_cache(maxsize=500)
def _insertion(model: type[Model], count: int) -> str:
    columns = _columns(model).values()
    names = ", ".join(_quoted(field.column) for field in columns)
    places = ", ".join(["%s"] * len(columns))
    rows = ", ".join([f"({places})"] * count)
    return f"INSERT INTO {_quoted(model._meta.db_table)} ({names}) VALUES {rows}"  # noqa: S608  # names of ours


def snapshot(row: Model) -> dict[str, Any]:
    """Note what is in a row's columns."""
    return {name: getattr(row, name) for name in _columns(type(row))}


def update(row: Model, *, since: dict[str, Any]) -> None:
    """Write those columns of a locked row that are not as they were in a snapshot."""
    columns = _columns(type(row))
    changed = tuple(name for name, was in since.items() if getattr(row, name) != was)
    if not changed:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            _change(type(row), changed),
            [*(_value(row, name, columns[name]) for name in changed), row.pk],
        )


@lru_cache(maxsize=500)
def _change(model: type[Model], names: tuple[str, ...]) -> str:
    columns = _columns(model)
    said = ", ".join(f"{_quoted(columns[name].column)} = %s" for name in names)
    key = next(field.column for field in columns.values() if field.primary_key)
    return f"UPDATE {_quoted(model._meta.db_table)} SET {said} WHERE {_quoted(key)} = %s"  # noqa: S608  # names of ours


def _quoted(name: object) -> str:
    return str(connection.ops.quote_name(str(name)))
