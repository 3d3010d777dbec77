"""Public ids (contract, section 1): primary key field, path converter and check constraints."""

import re
import secrets
import string
from typing import Any, TypeGuard

from django.core.validators import RegexValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Q, Value
from django.db.models.functions import Length, LTrim, Substr
from django.urls.converters import StringConverter

ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}"
ID_LENGTH = 32
ID_RULE = (
    "An id is 1 to 32 letters, digits, hyphens and underscores, the first a letter or a digit."
)
_ALPHABET = string.ascii_letters + string.digits


def new_id() -> str:
    """Return a new id: ten random letters and digits (59 bits)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))


def is_id(text: object) -> TypeGuard[str]:
    """Whether this has the form of an id."""
    return isinstance(text, str) and re.fullmatch(ID_PATTERN, text) is not None


class PublicIdField(models.CharField):
    """A public id as a column, compared and sorted byte by byte on every database."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", ID_LENGTH)
        kwargs.setdefault("default", new_id)
        kwargs.setdefault("validators", [RegexValidator(rf"\A{ID_PATTERN}\Z", ID_RULE)])
        super().__init__(*args, **kwargs)

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Return PostgreSQL's type in full, so that Django adds no second index for LIKE.

        It does for each key of type varchar; in the C collation the first index finds prefixes too.
        """
        spelt = str(super().db_type(connection))
        if connection.vendor == "postgresql":
            return spelt.replace("varchar", "character varying")
        return spelt

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """Set the C collation on PostgreSQL, which sorts as SQLite does anyway.

        In a database with a language's collation, ids would be sorted differently from SQLite. A
        foreign key takes its collation from here.
        """
        parameters: dict[str, Any] = dict(super().db_parameters(connection))
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters


class _TrimAll(LTrim):
    """LTRIM with the set of characters to remove, written alike for both databases."""

    arity = None


def id_constraint(name: str) -> models.CheckConstraint:
    """Return a check constraint for the form of an id.

    Trimming every allowed character must leave nothing: the one form that both databases support,
    because SQLite has regular expressions only inside Django.
    """
    rest = _TrimAll(F("id"), Value(_ALPHABET + "_-"))
    first = _TrimAll(Substr(F("id"), 1, 1), Value("_-"))
    return models.CheckConstraint(
        name=name,
        condition=Q(models.lookups.Exact(rest, Value("")))
        & Q(models.lookups.GreaterThan(Length(first), Value(0)))
        & Q(models.lookups.LessThanOrEqual(Length(F("id")), Value(ID_LENGTH))),
        violation_error_message=ID_RULE,
    )


def text_constraint(name: str, field: str, *, least: int = 0, most: int) -> models.CheckConstraint:
    """Return a check constraint for a text's length; SQLite ignores max_length."""
    length = Length(F(field))
    return models.CheckConstraint(
        name=name,
        condition=Q(models.lookups.GreaterThanOrEqual(length, Value(least)))
        & Q(models.lookups.LessThanOrEqual(length, Value(most))),
        violation_error_message=f"{field} has {least} to {most} characters.",
    )


class PublicIdConverter(StringConverter):
    """Path converter that matches only what has the form of an id."""

    regex = ID_PATTERN
