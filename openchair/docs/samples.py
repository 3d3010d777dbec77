"""Writes an example request in curl, Python and JavaScript, so that it works as it is printed."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from openchair.docs.examples import WORDS, filled
from openchair.docs.reference import Operation

_LONG = 60
"""Characters of a body that curl sends in one line."""
KEY = "OPENCHAIR_KEY"
"""The environment variable in which the samples expect the API key."""


@dataclass(frozen=True)
class Sample:
    """A request in one language. language: for ids and classes. name: for people."""

    language: str
    name: str
    code: str


@dataclass(frozen=True)
class Call:
    """What is sent: the operation's examples, filled in. The key is not in the headers."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: Any

    @property
    def words(self) -> list[str]:
        """Words in it that stand for what the reader has to put there."""
        told = f"{self.url} {json.dumps(self.body)}"
        return [word for word in WORDS.values() if re.search(rf"\b{word}\b", told)]


def call(operation: Operation, host: str, names: Mapping[str, str]) -> Call:
    """Return the call of an operation's first example.

    host: with scheme, as in https://openchair.example.
    names: what to write for the ids of the examples.
    """
    sent = [each for each in operation.parameters if each.example is not None]
    in_path = {each.name: filled(each.example, names) for each in sent if each.where == "path"}
    query = {each.name: filled(each.example, names) for each in sent if each.where == "query"}
    body = filled(operation.bodies[0].value, names) if operation.bodies else None
    path = operation.path.format(**{name: quote(value) for name, value in in_path.items()})
    headers = {}
    if body is not None:
        headers["Content-Type"] = "application/json"
    if any(each.name == "Idempotency-Key" for each in operation.parameters):
        headers["Idempotency-Key"] = _idempotency_key(operation, in_path, body)
    asked = f"?{urlencode(query, doseq=True, safe=':')}" if query else ""
    return Call(operation.method, f"{host}{path}{asked}", headers, body)


def _idempotency_key(operation: Operation, in_path: Mapping[str, str], body: Any) -> str:
    """Return one that is the same in each language, so that all of them do it only once."""
    said = json.dumps(body)
    of = [*in_path.values(), *re.findall(r'"(?:booking_id|start_datetime)": "([^"]+)"', said)]
    return "-".join([operation.id, *of])


def samples(call: Call) -> list[Sample]:
    """Return the call in each language."""
    return [
        Sample("curl", "curl", _curl(call)),
        Sample("python", "Python", _python(call)),
        Sample("javascript", "JavaScript", _javascript(call)),
    ]


def _curl(call: Call) -> str:
    usual = "GET" if call.body is None else "POST"
    method = "" if call.method == usual else f"-X {call.method} "
    lines = [f'curl {method}"{call.url}"', f'-H "Authorization: ${KEY}"']
    lines += [f'-H "{name}: {value}"' for name, value in call.headers.items()]
    if call.body is not None:
        body = _json(call.body)
        if len(body) > _LONG:
            body = _json(call.body, 2).replace("\n", "\n  ")
        quoted = body.replace("'", r"'\''")
        lines.append(f"-d '{quoted}'")
    return " \\\n  ".join(lines)


def _python(call: Call) -> str:
    lines = [
        "import json, os",
        "from urllib.request import Request, urlopen",
        "",
        "request = Request(",
        f'    "{call.url}",',
    ]
    if call.method != "GET":
        lines.append(f'    method="{call.method}",')
    lines += ["    headers={", f'        "Authorization": os.environ["{KEY}"],']
    lines += [f'        "{name}": "{value}",' for name, value in call.headers.items()]
    lines.append("    },")
    if call.body is not None:
        # The values that JSON writes otherwise than Python, each at the end of a line.
        words = {"true": "True", "false": "False", "null": "None"}
        body = re.sub(
            r"(?m)(?<=: )(true|false|null)(?=,?$)",
            lambda found: words[found[1]],
            _json(call.body, 4),
        )
        lines.append(f"    data=json.dumps({body}).encode(),".replace("\n", "\n    "))
    lines += [
        ")",
        "with urlopen(request) as answer:",
        "    print(answer.status, json.load(answer))",
    ]
    return "\n".join(lines)


def _javascript(call: Call) -> str:
    lines = [f'const answer = await fetch("{call.url}", {{']
    if call.method != "GET":
        lines.append(f'  method: "{call.method}",')
    lines += ["  headers: {", f"    Authorization: process.env.{KEY},"]
    lines += [f'    "{name}": "{value}",' for name, value in call.headers.items()]
    lines.append("  },")
    if call.body is not None:
        body = re.sub(r'(?m)^( *)"(\w+)":', r"\1\2:", _json(call.body, 2))
        lines.append(f"  body: JSON.stringify({body}),".replace("\n", "\n  "))
    lines += ["});", "console.log(answer.status, await answer.json());"]
    return "\n".join(lines)


def _json(value: Any, indent: int | None = None) -> str:
    return json.dumps(value, ensure_ascii=False, indent=indent)
