"""Which objects of a schema are closed to keys that they do not name."""

from __future__ import annotations

from typing import Any

import pytest

from llamapack_runtime.chat.closed_schema import closed

NAMED: dict[str, Any] = {"type": "object", "properties": {"a": {"type": "string"}}}
CLOSED = NAMED | {"additionalProperties": False}


def test_an_object_that_names_its_properties_is_closed() -> None:
    assert closed(NAMED) == CLOSED
    assert "additionalProperties" not in NAMED


@pytest.mark.parametrize(
    "wrapped",
    [
        lambda inner: {"type": "array", "items": inner},
        lambda inner: {"type": "array", "prefixItems": [inner, inner]},
        lambda inner: {"anyOf": [inner, {"type": "null"}]},
        lambda inner: {"$ref": "#/$defs/one", "$defs": {"one": inner}},
        lambda inner: {"type": "object", "additionalProperties": inner},
        lambda inner: CLOSED | {"properties": {"items": inner, "properties": inner}},
    ],
)
def test_objects_within_are_closed(wrapped: Any) -> None:
    assert closed(wrapped(NAMED)) == wrapped(CLOSED)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"type": "object"},
        {"type": "object", "properties": {}},
        CLOSED,
        NAMED | {"additionalProperties": True},
        NAMED | {"additionalProperties": {"type": "integer"}},
        NAMED | {"required": ["b"]},
        NAMED | {"minProperties": 2},
        NAMED | {"patternProperties": {"^x": {}}},
        NAMED | {"anyOf": [{"required": ["a"]}, {"properties": {"b": {}}}]},
        {"allOf": [NAMED, {"properties": {"b": {}}}]},
        {"$ref": "#/$defs/one", "properties": {"b": {}}, "$defs": {"one": NAMED}},
        {"enum": [NAMED], "default": NAMED},
    ],
)
def test_others_are_left_as_they_are(schema: dict[str, Any]) -> None:
    assert closed(schema) == schema
