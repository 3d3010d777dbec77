"""Reads openapi.json, once, into what the pages of the reference show."""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.conf import settings
from django.urls import reverse

from openchair.api.problems import CATALOGUE, ProblemType
from openchair.api.schema import SPECIAL
from openchair.docs.markdown import inline

GROUPS = {
    "Practices": (
        "list_practices",
        "get_practice",
        "list_practice_locations",
        "list_practice_doctors",
        "get_location",
        "get_doctor",
    ),
    "Read openings": ("list_practice_bookings", "list_location_bookings", "get_booking"),
    "Book patients": ("take_place", "take_places"),
    "Follow up on patients": (
        "list_practice_appointments",
        "get_appointment",
        "edit_appointment",
        "cancel_appointment",
    ),
    "Let families wait": (
        "list_waitlist",
        "join_waitlist",
        "get_waitlist_entry",
        "leave_waitlist",
    ),
    "Publish and edit openings": (
        "create_booking",
        "edit_booking_by_put",
        "edit_booking_by_patch",
        "edit_booking_by_post",
        "edit_booking_by_body_put",
        "edit_booking_by_body_patch",
        "delete_booking",
    ),
    "Stay in sync": ("list_practice_changes", "get_location_digest"),
    "Be told of changes": (
        "list_webhooks",
        "create_webhook",
        "get_webhook",
        "edit_webhook",
        "ping_webhook",
        "list_deliveries",
        "replay_delivery",
        "replay_since",
        "rotate_webhook",
        "end_rotation",
        "delete_webhook",
    ),
}
"""Operations in the order in which a partner needs them."""
_IDS = "^[A-Za-z0-9]"
_FORMATS = {
    "date-time": "date and time",
    "date": "day",
    "email": "e-mail address",
    "uri": "address",
}
_TYPES = {"integer": "whole number", "boolean": "`true` or `false`", "object": "object"}


@dataclass(frozen=True)
class Field:
    """A parameter, or a field of a body. Its texts have Markdown's backticks.

    where: path, query or header; of a field "body".
    kind: its type, limits and values, in words.
    example: of a parameter; None where the examples do not send it.
    """

    name: str
    where: str
    kind: str
    text: str
    is_required: bool
    example: Any = None
    fields: tuple["Field", ...] = ()

    @property
    def html(self) -> str:
        return inline(self.text)

    @property
    def kind_html(self) -> str:
        return inline(self.kind)


@dataclass(frozen=True)
class Answer:
    """A success: its example, the fields of what it has, and its headers."""

    status: int
    text: str
    example: Any
    fields: tuple[Field, ...]
    headers: tuple[Field, ...]


@dataclass(frozen=True)
class Failure:
    """A status that is an error, and the types of problem with it."""

    status: int
    title: str
    problems: tuple[ProblemType, ...]


@dataclass(frozen=True)
class Body:
    """An example of a request's body."""

    title: str
    value: Any


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    id: str
    method: str
    path: str
    title: str
    text: str
    is_special: bool
    group: str
    parameters: tuple[Field, ...]
    fields: tuple[Field, ...]
    bodies: tuple[Body, ...]
    answer: Answer
    failures: tuple[Failure, ...]
    others: tuple[Field, ...]
    """Statuses that are neither: not modified."""

    @property
    def html(self) -> str:
        return inline(self.text)

    @property
    def address(self) -> str:
        return reverse("operation", args=[self.id])


@cache
def openapi_document() -> bytes:
    """Return the committed openapi.json, which script/test compares with the code."""
    return (settings.BASE_DIR / "openapi.json").read_bytes()


@cache
def operations() -> dict[str, Operation]:
    """Return every operation by its id, in order of GROUPS."""
    document = json.loads(openapi_document())
    reader = _Reader(document["components"])
    read = {
        one["operationId"]: (method.upper(), path, one)
        for path, methods in document["paths"].items()
        for method, one in methods.items()
    }
    titles = Counter(one["summary"] for _, _, one in read.values())
    for method, _, one in read.values():
        title = one["summary"].removesuffix(SPECIAL)
        one["title"] = title if titles[one["summary"]] == 1 else f"{title} with {method}"
    return {
        name: reader.operation(name, group, *read[name])
        for group, names in GROUPS.items()
        for name in names
    }


def for_search() -> Iterator[tuple[str, str, str]]:
    """Yield the title, address and words of each operation."""
    for one in operations().values():
        names = [each.name for each in (*one.parameters, *one.fields)]
        words = [one.id, one.method, one.path, one.group, one.text, *names]
        yield one.title, one.address, " ".join(words)


class _Reader:
    """Reads operations of a document with these components."""

    def __init__(self, components: dict[str, Any]) -> None:
        self.components = components

    def operation(
        self, name: str, group: str, method: str, path: str, one: dict[str, Any]
    ) -> Operation:
        content = one.get("requestBody", {}).get("content", {}).get("application/json", {})
        answers = {int(status): self._resolved(each) for status, each in one["responses"].items()}
        (success,) = [status for status in answers if status < 300]
        return Operation(
            id=name,
            method=method,
            path=path,
            title=one["title"],
            text=one["description"],
            is_special=one["summary"].endswith(SPECIAL),
            group=group,
            parameters=tuple(self._parameter(each) for each in one["parameters"]),
            fields=self._fields(content.get("schema", {}), where="body"),
            bodies=tuple(
                Body(each["summary"], each["value"])
                for each in content.get("examples", {}).values()
            ),
            answer=self._answer(success, answers[success]),
            failures=tuple(
                _failure(status, each["description"])
                for status, each in answers.items()
                if status >= 400
            ),
            others=tuple(
                Field(str(status), "answer", "", each["description"], is_required=False)
                for status, each in answers.items()
                if 300 <= status < 400
            ),
        )

    def _resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        if "$ref" not in schema:
            return schema
        _, _, kind, name = schema["$ref"].split("/")
        found: dict[str, Any] = self.components[kind][name]
        return found

    def _parameter(self, one: dict[str, Any]) -> Field:
        return Field(
            one["name"],
            one["in"],
            self._kind(one["schema"]),
            one.get("description", "").strip(),
            one.get("required", False),
            one.get("example"),
        )

    def _answer(self, status: int, one: dict[str, Any]) -> Answer:
        content = one["content"]["application/json"]
        example, *_ = content["examples"].values()
        return Answer(
            status,
            one["description"],
            example["value"],
            self._fields(content["schema"], where="answer"),
            tuple(
                Field(name, "header", "", self._resolved(each)["description"], is_required=False)
                for name, each in one["headers"].items()
            ),
        )

    def _fields(self, schema: dict[str, Any], *, where: str) -> tuple[Field, ...]:
        """Return the fields of an object, or of the objects in a list; required ones first."""
        schema = self._plain(schema)
        if schema.get("type") == "array":
            schema = self._plain(schema["items"])
        required = schema.get("required", [])
        fields = [
            Field(
                name,
                where,
                self._kind(one),
                self._text(one),
                name in required,
                fields=self._fields(one, where=where),
            )
            for name, one in schema.get("properties", {}).items()
        ]
        if where == "body":  # those of an answer are all there, in the order in which they come
            fields.sort(key=lambda each: not each.is_required)
        return tuple(fields)

    def _text(self, schema: dict[str, Any]) -> str:
        text: str = schema.get("description") or schema.get("title", "")
        return text

    def _plain(self, schema: dict[str, Any]) -> dict[str, Any]:
        """Return what a schema refers to, or is if it is not null or empty."""
        schema = self._resolved(schema)
        first, *_ = schema.get("allOf") or schema.get("oneOf") or [schema]
        return self._resolved(first)

    def _kind(self, schema: dict[str, Any]) -> str:
        """Say the type of a value, its limits and values in words."""
        plain = self._plain(schema)
        types = [plain["type"]] if isinstance(plain["type"], str) else plain["type"]
        others = [self._resolved(each) for each in schema.get("oneOf", [])[1:]]
        is_null = "null" in types or {"type": "null"} in others
        return self._said(types[0], plain) + (", or `null`" if is_null else "")

    def _said(self, name: str, schema: dict[str, Any]) -> str:
        if "enum" in schema:
            values = [f"`{each}`" for each in schema["enum"]]
            return values[0] if len(values) == 1 else f"one of {', '.join(values)}"
        if name == "array":
            least, most = schema.get("minItems", 0), schema.get("maxItems")
            size = f", {least} to {most}" if most else ""
            return f"list of: {self._kind(schema['items'])}{size}"
        if name == "string":
            if schema.get("pattern", "").startswith(_IDS):
                return "id"
            limit = f", up to {schema['maxLength']} characters" if "maxLength" in schema else ""
            return _FORMATS.get(schema.get("format", ""), "text") + limit
        least, most = schema.get("minimum"), schema.get("maximum")
        return _TYPES.get(name, name) + (f", {least} to {most}" if most else "")


def _failure(status: int, title: str) -> Failure:
    kinds = tuple(kind for kind in CATALOGUE.values() if kind.status == status)
    return Failure(status, title, kinds)
