"""The parameters of a tool one by one, for families that write each of them in its own place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.lark import ANYTHING, Rules
from llamapack_runtime.chat.types import Tool

_TYPES = frozenset(["string", "number", "integer", "boolean", "null", "array", "object"])
_DEFINITIONS = ("$defs", "definitions")
# Others would say something about several parameters at once.
_KNOWN_KEYWORDS = frozenset([
    "type", "properties", "required", "additionalProperties", *_DEFINITIONS, "title",
    "description", "$schema", "$id", "$comment", "examples", "default", "deprecated",
    "readOnly", "writeOnly", "unevaluatedProperties",
])  # fmt: skip
_MAX_REFERENCES = 32
# Templates show models their earlier calls like this.
_PYTHON = {"True": "true", "False": "false", "None": "null"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """`schema` stands alone; `types` are the JSON types that it can have."""

    name: str
    schema: Mapping[str, Any] | bool
    types: frozenset[str]
    is_required: bool

    @property
    def is_text(self) -> bool:
        return "string" in self.types

    @property
    def is_only_text(self) -> bool:
        return self.types == {"string"}

    def lark(self, rules: Rules, end: str) -> str:
        """A value as it is written, and `end` behind it."""
        if not self.is_text:
            value = rules.json(self.schema)
            if self.types == {"boolean"}:
                value = f'({value} | "True" | "False")' if self._is_any_boolean else value
            return f"{value} {rules.exact(end)}"
        schema = self.schema if isinstance(self.schema, Mapping) else {}
        if self.is_only_text and ("enum" in schema or "const" in schema):
            values = [v for v in schema.get("enum", [schema.get("const")]) if isinstance(v, str)]
            return f"{rules.either(*map(rules.exact, values))} {rules.exact(end)}"
        if self.is_only_text:
            return rules.until(end, within=_length(schema), also=_pattern(schema))
        return rules.until(end)

    def json(self, text: str) -> str:
        """The JSON of a value that was written as `text`."""
        text = _PYTHON.get(text.strip(), text) if "boolean" in self.types else text
        kind = _kind_of(text)
        if kind is None or kind == "string" or not self._takes(kind):
            return json.dumps(text, ensure_ascii=False)
        return text.strip()

    @property
    def _is_any_boolean(self) -> bool:
        return isinstance(self.schema, Mapping) and not {"const", "enum"} & self.schema.keys()

    def _takes(self, kind: str) -> bool:
        if not self.is_text:
            return True
        return kind in self.types or (kind == "integer" and "number" in self.types)


def parameters_of(tool: Tool) -> list[Parameter]:
    """In the order of the schema. ChatError for a schema that says more than what each parameter
    is by itself."""
    schema = tool.parameters
    unknown = sorted(schema.keys() - _KNOWN_KEYWORDS)
    if unknown:
        raise ChatError(
            f"The parameters of the tool '{tool.name}' use '{unknown[0]}' beside 'properties',"
            " which this model's format of calls cannot express; say it of each property instead.",
            "tools",
        )
    properties = schema.get("properties", {})
    required = [name for name in schema.get("required", ()) if isinstance(name, str)]
    names = dict.fromkeys([*properties, *required])
    return [_parameter(schema, name, properties.get(name, {}), name in required) for name in names]


def unknown_parameter(name: str) -> Parameter:
    """One that the schema does not name."""
    return Parameter(name, {}, _TYPES, is_required=False)


def _parameter(
    root: Mapping[str, Any], name: str, schema: Mapping[str, Any] | bool, is_required: bool
) -> Parameter:
    types = types_of(schema, root)
    if isinstance(schema, Mapping):
        definitions = {key: root[key] for key in _DEFINITIONS if key in root}
        schema = {**definitions, **schema}
    return Parameter(name, schema, types, is_required)


def types_of(
    schema: object, root: Mapping[str, Any], depth: int = _MAX_REFERENCES
) -> frozenset[str]:
    """The JSON types of the values that `schema` allows, or more; references are within `root`."""
    if not isinstance(schema, Mapping) or depth == 0:
        return _TYPES
    types = frozenset(_told_types(schema))
    for alternatives in ("anyOf", "oneOf"):
        if isinstance(schema.get(alternatives), list):
            each = [types_of(one, root, depth - 1) for one in schema[alternatives]]
            types &= frozenset().union(*each)
    for one in schema.get("allOf", ()) if isinstance(schema.get("allOf"), list) else ():
        types &= types_of(one, root, depth - 1)
    if isinstance(schema.get("$ref"), str):
        types &= types_of(resolved(schema["$ref"], root), root, depth - 1)
    return types


def _told_types(schema: Mapping[str, Any]) -> Iterator[str]:
    if "const" in schema or isinstance(schema.get("enum"), list):
        values = [schema["const"]] if "const" in schema else schema["enum"]
        yield from (_type_of(value) for value in values)
        return
    told = schema.get("type", _TYPES)
    yield from [told] if isinstance(told, str) else (str(one) for one in told)


def resolved(reference: str, root: Mapping[str, Any]) -> object:
    """What "#/$defs/name" means within `root`."""
    target: object = root
    for step in reference.removeprefix("#").split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        target = target.get(name) if isinstance(target, Mapping) else None
    return target


def _type_of(value: object) -> str:
    if value is None:
        return "null"
    kinds = ((bool, "boolean"), (int, "integer"), (float, "number"), (str, "string"))
    for kind, name in (*kinds, (list, "array")):
        if isinstance(value, kind):
            return name
    return "object"


def _kind_of(text: str) -> str | None:
    try:
        value = json.loads(text, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return _type_of(value)


def _refuse(name: str) -> None:
    raise ValueError(name)


def _length(schema: Mapping[str, Any]) -> str:
    least, most = schema.get("minLength", 0), schema.get("maxLength")
    if not least and most is None:
        return ANYTHING
    return f"(?s:.{{{least},{'' if most is None else most}}})"


def _pattern(schema: Mapping[str, Any]) -> str | None:
    """JSON Schema searches for a pattern: it need not match from end to end."""
    wanted = schema.get("pattern")
    if not isinstance(wanted, str):
        return None
    start = "" if wanted.startswith("^") else ANYTHING
    end = "" if wanted.endswith("$") and not wanted.endswith("\\$") else ANYTHING
    inner = wanted.removeprefix("^")
    inner = inner.removesuffix("$") if not end else inner
    return f"{start}(?:{inner}){end}"
