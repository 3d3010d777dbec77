"""The short opaque ids that the API publishes (contract, section 1), which are the primary keys."""

import re
import secrets
import string
from typing import Any, TypeGuard

from django.core.validators import RegexValidator
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import F, Q, Value
from django.db.models.functions import Length, LTrim, Substr

ID_PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]{0,31}"
ID_LENGTH = 32
ID_RULE = (
    "An id is 1 to 32 letters, digits, hyphens and underscores, the first a letter or a digit."
)
_ALPHABET = string.ascii_letters + string.digits


def new_id() -> str:
    """Make an id: ten random letters and digits (59 bits)."""
    return "".join(secrets.choice(_ALPHABET) for _ in range(10))


def is_id(text: object) -> TypeGuard[str]:
    """Say whether this could be an id at all."""
    return isinstance(text, str) and re.fullmatch(ID_PATTERN, text) is not None


class PublicIdField(models.CharField):
    """A published id as a column, compared and sorted byte by byte on every engine."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("max_length", ID_LENGTH)
        kwargs.setdefault("default", new_id)
        kwargs.setdefault("validators", [RegexValidator(rf"\A{ID_PATTERN}\Z", ID_RULE)])
        super().__init__(*args, **kwargs)

    def db_type(self, connection: BaseDatabaseWrapper) -> str:
        """Spell PostgreSQL's type out, so that Django adds no second index for LIKE.

        It does for each key called varchar; in the C collation the first index finds prefixes too.
        """
        spelt = str(super().db_type(connection))
        if connection.vendor == "postgresql":
            return spelt.replace("varchar", "character varying")
        return spelt

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, Any]:
        """Give PostgreSQL the C collation, which is what SQLite does anyway.

        A database made with a language's collation would sort ids otherwise than SQLite does, and
        a foreign key takes its collation from here.
        """
        parameters: dict[str, Any] = dict(super().db_parameters(connection))
        if connection.vendor == "postgresql":
            parameters["collation"] = "C"
        return parameters


class _TrimAll(LTrim):
    """LTRIM with the set of characters to take away, spelt alike on both engines."""

    arity = None


def id_constraint(name: str) -> models.CheckConstraint:
    """Make the database refuse what is not an id.

    Trimming every allowed character must leave nothing: the one spelling that both engines know,
    for SQLite has regular expressions only inside Django.
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
    """Make the database refuse a text shorter or longer than this; SQLite ignores max_length."""
    length = Length(F(field))
    return models.CheckConstraint(
        name=name,
        condition=Q(models.lookups.GreaterThanOrEqual(length, Value(least)))
        & Q(models.lookups.LessThanOrEqual(length, Value(most))),
        violation_error_message=f"{field} has {least} to {most} characters.",
    )


class PublicIdConverter:
    """Matches an id in a path, and nothing that could not be one."""

    regex = ID_PATTERN

    def to_python(self, value: str) -> str:
        """Give the id."""
        return value

    def to_url(self, value: str) -> str:
        """Give the id."""
        return value
