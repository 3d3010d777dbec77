"""Strict serializer and fields: JSON types are not converted, and unknown fields are refused."""

import re
from datetime import date
from functools import cache
from typing import Any, cast

from rest_framework import serializers


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses unknown fields instead of ignoring them.

    `Meta.ignored`: read-only fields, which a client may send back as it read them.
    """

    @classmethod
    def read(cls, body: dict[str, Any]) -> dict[str, Any]:
        """Validate a request's body and return its values. Raises ValidationError."""
        return cast("dict[str, Any]", _made_once(cls).run_validation(body))

    def to_internal_value(self, data: object) -> dict[str, Any]:
        if not isinstance(data, dict):
            raise serializers.ValidationError("Write an object, in braces.")
        ignored = getattr(getattr(self, "Meta", None), "ignored", ())
        unknown = [name for name in data if name not in self.fields and name not in ignored]
        known = f"there are {', '.join(self.fields)}" if self.fields else "there are none here"
        errors: dict[str, Any] = {
            name[:64]: f"There is no such field; {known}." for name in unknown[:20]
        }
        read: dict[str, Any] = {}
        try:
            read = super().to_internal_value(data)
        except serializers.ValidationError as error:
            errors.update(error.detail)  # type: ignore[arg-type]  # a serializer's is a dict
        if errors:
            raise serializers.ValidationError(errors)
        return read


@cache
def _made_once(kind: type[StrictSerializer]) -> StrictSerializer:
    """Return a shared serializer: validation leaves no state in it, and its fields cost much."""
    return kind()


class StrictIntegerField(serializers.IntegerField):
    """A whole JSON number; not a text, a fraction or a boolean."""

    def to_internal_value(self, data: object) -> int:
        if not isinstance(data, int) or isinstance(data, bool):
            raise serializers.ValidationError("Write a whole number, without quotation marks.")
        return data


class StrictBooleanField(serializers.BooleanField):
    """A JSON true or false."""

    def to_internal_value(self, data: object) -> bool:
        if not isinstance(data, bool):
            raise serializers.ValidationError("Write true or false, without quotation marks.")
        return data


class StrictCharField(serializers.CharField):
    """A JSON string."""

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str):
            raise serializers.ValidationError("Write a text, in quotation marks.")
        text: str = super().to_internal_value(data)
        return text


class StrictEmailField(StrictCharField, serializers.EmailField):
    """A JSON string that is an e-mail address."""


class StrictDateField(serializers.DateField):
    """A day of the calendar, as a JSON string."""

    def to_internal_value(self, data: object) -> date:
        try:
            # It also reads other forms: 20260925, 2026-W39-5.
            if isinstance(data, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", data):
                return date.fromisoformat(data)
        except ValueError:
            pass
        raise serializers.ValidationError("Write a day as 2026-09-25, in quotation marks.")


class StrictChoiceField(serializers.ChoiceField):
    """One of a few JSON strings."""

    def to_internal_value(self, data: object) -> str:
        if not isinstance(data, str) or data not in self.choices:
            raise serializers.ValidationError(f"Write one of {', '.join(self.choices)}.")
        return data
