"""Rows written whole, with SQL that is made once for each model.

Django makes it anew at each save, which takes longer than the database does.
"""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import Field, Model


@cache
def _columns(model: type[Model]) -> "tuple[str, list[Field[Any, Any]]]":
    """Give a model's table and its columns, less a key that the database makes."""
    fields = [field for field in model._meta.concrete_fields if not field.db_returning]
    return connection.ops.quote_name(model._meta.db_table), fields


def _values(row: Model, fields: "Sequence[Field[Any, Any]]") -> list[Any]:
    return [
        field.get_db_prep_save(getattr(row, field.attname), connection=connection)
        for field in fields
    ]


def insert(rows: Sequence[Model]) -> None:
    """Insert new rows of one model; a key that the database makes is not read back."""
    if not rows:
        return
    table, fields = _columns(type(rows[0]))
    names = ", ".join(connection.ops.quote_name(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({names}) VALUES {', '.join([f'({places})'] * len(rows))}",  # noqa: S608  # names of ours
            [value for row in rows for value in _values(row, fields)],
        )
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def update(row: Model) -> None:
    """Write all columns of a row that is locked."""
    table, fields = _columns(type(row))
    key, *others = sorted(fields, key=lambda field: not field.primary_key)
    names = ", ".join(f"{connection.ops.quote_name(str(field.column))} = %s" for field in others)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {table} SET {names} WHERE {connection.ops.quote_name(str(key.column))} = %s",  # noqa: S608  # names of ours
            _values(row, [*others, key]),
        )
