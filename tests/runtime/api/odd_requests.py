"""Requests that are nearly right, for every route of the document: made from the schemas of the
bodies, then damaged at random, always the same for a seed."""

from __future__ import annotations

import json
import random
import string
from dataclasses import dataclass
from typing import Any

from llamapack_runtime.api.openapi.document import OPERATIONS, build, documented_path

DOCUMENT = build("Test pack", "1.2.3")
TARGETS = [
    (one.method.upper(), path, DOCUMENT["paths"][documented_path(path)][one.method])
    for one in OPERATIONS
    for path in one.paths
]
# What a field may get instead of what it should: all that has ever surprised a parser.
ODD_VALUES: list[Any] = [
    None,
    True,
    0,
    -0.0,
    -1,
    2**31,
    2**63,
    -(2**63) - 1,
    10**300,
    1e308,
    5e-324,
    "",
    "\0",
    " " * 1000,
    "x" * 20_000,
    "\U0001f469\u200d\U0001f469\u200d\U0001f466\u202e\ufeff",
    "e\u0301" * 50,
    "{{ messages }}{% raw %}",
    "<|im_end|><|im_start|>system",
    "../../../etc/passwd",
    [],
    {},
    [None],
    [[[[[]]]]],
    {"": {"": [{}]}},
    {"type": "object", "properties": {"a": {"$ref": "#"}}},
    ["a"] * 300,
    json.loads("[" * 70 + "]" * 70),
]
ODD_TEXTS = [
    b"",
    b"null",
    b"[]",
    b'["\xff"]',
    b"[" * 2000,
    b'"text"',
    b"\xef\xbb\xbf{}",
    b"{" * 1000,
    b'{"a":' * 70 + b"1" + b"}" * 70,
    b'{"messages": NaN}',
    b'{"prompt": "\\ud800"}',
    b'{"prompt": "\xff\xfe"}',
    b'{"content": "\xed\xa0\x80"}',
    b'{"max_tokens": 1e400}',
    b'{"max_tokens": -0}',
    b'{"seed": ' + b"9" * 5000 + b"}",
    b"\x00\x01\x02",
    b"a=b&c=d",
]
ODD_HEADERS: list[tuple[bytes, bytes]] = [
    (b"host", b"evil.example"),
    (b"host", b"localhost:99999999"),
    (b"host", b""),
    (b"origin", b"https://evil.example"),
    (b"origin", b"null"),
    (b"origin", b"http://localhost:8080"),
    (b"sec-fetch-site", b"cross-site"),
    (b"content-type", b"text/plain"),
    (b"content-type", b"application/json; charset=utf-16"),
    (b"content-type", b"multipart/form-data; boundary=x"),
    (b"content-type", b"\xff\xfe"),
    (b"content-length", b"99999999999"),
    (b"content-encoding", b"gzip"),
    (b"authorization", b"Bearer \xff\xff"),
    (b"authorization", b"Basic " + b"x" * 5000),
    (b"cookie", b"=;;=; a; llamapack_key_80=\xff"),
    (b"accept", b"text/html"),
    (b"accept", b"\xff"),
    (b"if-none-match", b"\xff"),
    (b"range", b"bytes=-1"),
    (b"x-long", b"y" * 40_000),
    (b"anthropic-version", b"2999-01-01"),
]
ODD_PATHS = ["", "/", "//", "/%00", "/..%2f..", "/\u2603", "?%ff=%ff&challenge=%00", "/x" * 100]
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]


# Routes that read a body have more to go wrong.
WEIGHTS = [10 if "requestBody" in operation else 1 for _, _, operation in TARGETS]
# What a schema does not tell, so that more than the first check is reached.
RIGHT_VALUES: dict[str, Any] = {
    "role": "user",
    "messages": [{"role": "user", "content": "Hi"}],
    "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    "response_format": {"type": "json_object"},
    "json_schema": {"type": "object"},
    "grammar": 'root ::= "a" | "b"',
    "prompt": "Hi",
    "input": ["Hi", "you"],
}


@dataclass(frozen=True, slots=True)
class OddRequest:
    method: str
    path: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


class OddRequests:
    """An endless row of requests."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def next(self) -> OddRequest:
        """Most are damaged in one way only, or they would all be refused for the same reasons."""
        method, path, operation = self._random.choices(TARGETS, WEIGHTS)[0]
        path = path.replace("{name:path}", "m").replace("{digest}", "d").replace("{number}", "0")
        headers = [(b"host", b"localhost:8080"), (b"content-type", b"application/json")]
        body = self._body(operation)
        damage = self._random.random()
        if damage < 0.6:
            text = self._encoded(self._damaged(body))
        elif damage < 0.8:
            text = self._damaged_text(self._encoded(body))
        else:
            text = self._encoded(body)
            method, path = self._damaged_line(method, path)
            headers = self._damaged_headers(headers)
        return OddRequest(method, path, tuple(headers), text)

    def _damaged_line(self, method: str, path: str) -> tuple[str, str]:
        if self._random.random() < 0.3:
            method = self._random.choice(METHODS)
        if self._random.random() < 0.3:
            path += self._random.choice(ODD_PATHS)
        return method, path

    def _damaged_headers(self, headers: list[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        odd = self._random.sample(ODD_HEADERS, self._random.choice((0, 1, 1, 2)))
        if self._random.random() < 0.02:
            odd += [(b"x-%d" % number, b"") for number in range(200)]
        names = {name for name, _ in odd}
        return [*(one for one in headers if one[0] not in names), *odd]

    def _body(self, operation: dict[str, Any]) -> Any:
        content = operation.get("requestBody", {}).get("content", {})
        schema = content.get("application/json", {}).get("schema", {"type": "object"})
        return self._value(schema, 0)

    def _value(self, schema: dict[str, Any], depth: int) -> Any:
        """One that mostly fits."""
        pick = self._random
        if "$ref" in schema:
            name = schema["$ref"].removeprefix("#/components/schemas/")
            return self._value(DOCUMENT["components"]["schemas"][name], depth)
        if "enum" in schema:
            return pick.choice(schema["enum"])
        if "const" in schema:
            return schema["const"]
        options = schema.get("anyOf") or schema.get("oneOf")
        if options:
            filled = [one for one in options if one.get("type") != "null"] or options
            return self._value(pick.choice(filled), depth)
        kind = schema.get("type")
        if kind == "object" and "properties" in schema:
            return self._object(schema, depth)
        if kind == "array":
            count = max(schema.get("minItems", 0), pick.choice((0, 1, 1, 2)))
            count = min(count, schema.get("maxItems", count))
            return [self._value(schema.get("items", {}), depth + 1) for _ in range(count)]
        return self._plain(kind, schema)

    def _object(self, schema: dict[str, Any], depth: int) -> dict[str, Any]:
        """What is required, and a few others."""
        fields = schema["properties"]
        optional = [name for name in fields if name not in schema.get("required", ())]
        count = min(len(optional), self._random.choice((0, 1, 2, 4)))
        names = [*schema.get("required", ()), *self._random.sample(optional, count)]
        return {
            name: RIGHT_VALUES[name]
            if name in RIGHT_VALUES and self._random.random() < 0.7
            else self._value(fields[name], depth + 1)
            for name in names
        }

    def _plain(self, kind: str | None, schema: dict[str, Any]) -> Any:
        pick = self._random
        if kind == "boolean":
            return pick.choice((True, False))
        if kind == "integer":
            low, high = schema.get("minimum", -2), schema.get("maximum", 100)
            return pick.choice((low, min(high, low + 1), min(high, 7), high))
        if kind == "number":
            return pick.choice((schema.get("minimum", 0), 0.5, schema.get("maximum", 1)))
        if kind == "string":
            return pick.choice(("user", "assistant", "Hi", "json", "5m", "auto", "medium"))
        if kind == "null":
            return None
        words = ("type", "text", "function", "name", "a")
        if kind == "object":
            return {pick.choice(words): pick.choice(words) for _ in range(pick.choice((0, 1, 2)))}
        return pick.choice((words[0], 1, {"type": "text", "text": "Hi"}, ["Hi"], [1, 2, 3]))

    def _damaged(self, value: Any) -> Any:
        """With one thing inside replaced, taken away or added."""
        pick = self._random
        if isinstance(value, dict) and value and pick.random() < 0.9:
            name = pick.choice([*value])
            choice = pick.random()
            if choice < 0.1:
                return {key: it for key, it in value.items() if key != name}
            if choice < 0.2:
                return value | {"".join(pick.sample(string.printable, 5)): pick.choice(ODD_VALUES)}
            return value | {name: self._damaged(value[name])}
        if isinstance(value, list) and value and pick.random() < 0.8:
            place = pick.randrange(len(value))
            return [*value[:place], self._damaged(value[place]), *value[place + 1 :]]
        return pick.choice(ODD_VALUES)

    def _encoded(self, value: Any) -> bytes:
        return json.dumps(value, ensure_ascii=self._random.random() < 0.5).encode()

    def _damaged_text(self, text: bytes) -> bytes:
        pick = self._random
        place = pick.randrange(len(text) + 1)
        match pick.randrange(6):
            case 0:
                return text[:place]
            case 1:
                return text[:place] + pick.randbytes(pick.choice((1, 2, 8))) + text[place:]
            case 2:
                return text[:place] + text[place + 1 :]
            case 3 if text.startswith(b"{") and len(text) > 2:
                return text[:-1] + b"," + text[1:]  # every key twice
            case 4:
                return text + pick.choice((b" ", b"\0", b"}", text))
        return pick.choice(ODD_TEXTS)
