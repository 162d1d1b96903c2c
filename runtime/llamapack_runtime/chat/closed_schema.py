"""Closes the objects of a JSON Schema that name their properties to all others.

Most clients derive schemas from types and leave that unsaid. Where other keys are possible, a
small model goes on inventing some, and whoever passes arguments on by name takes none of them.
llama.cpp's server and Ollama close objects, too. What matches the closed schema matches the given
one. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

# Several schemas for one value may each name a part of its properties.
_COMBINING = frozenset([
    "allOf", "if", "then", "else", "not", "dependentSchemas", "dependencies", "patternProperties",
    "unevaluatedProperties", "$dynamicRef", "$recursiveRef",
])  # fmt: skip
_COMBINING_BESIDE_PROPERTIES = frozenset(["anyOf", "oneOf", "$ref"])
_OF_NAMES = ("properties", "$defs", "definitions")
_OF_LISTS = ("anyOf", "oneOf", "prefixItems")
_OF_ONE = ("items", "additionalProperties")


def closed(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Unchanged where schemas are combined, or an object needs keys that it does not name."""
    return schema if any(map(_is_combined, _objects(schema))) else _closed(schema)


def _objects(value: object) -> Iterator[Mapping[str, Any]]:
    """All within `value`, also those that are no schemas."""
    if isinstance(value, Mapping):
        yield value
    inner = value.values() if isinstance(value, Mapping) else value
    for one in inner if isinstance(value, Mapping | list) else ():  # type: ignore[attr-defined]
        yield from _objects(one)


def _is_combined(schema: Mapping[str, Any]) -> bool:
    beside = "properties" in schema and not _COMBINING_BESIDE_PROPERTIES.isdisjoint(schema)
    return beside or not _COMBINING.isdisjoint(schema)


def _closed(schema: Any) -> Any:
    if not isinstance(schema, Mapping):
        return schema
    made = dict(schema)
    for key in _OF_NAMES:
        if isinstance(made.get(key), Mapping):
            made[key] = {name: _closed(one) for name, one in made[key].items()}
    for key in _OF_LISTS:
        if isinstance(made.get(key), list):
            made[key] = [_closed(one) for one in made[key]]
    for key in _OF_ONE:
        made |= {key: _closed(made[key])} if key in made else {}
    if _names_all(made):
        made.setdefault("additionalProperties", False)
    return made


def _names_all(schema: Mapping[str, Any]) -> bool:
    """Whether it names properties, and all that it needs."""
    named, needed = schema.get("properties"), schema.get("required", [])
    if not isinstance(named, Mapping) or not named or not isinstance(needed, list):
        return False
    return "minProperties" not in schema and all(name in named for name in needed)
