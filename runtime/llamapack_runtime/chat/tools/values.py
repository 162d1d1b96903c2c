"""Grammars of values that are not written as JSON: Gemma's, and members with separators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.tools.tool_parameters import Parameter, resolved, types_of
from llamapack_runtime.chat.types import Tool

_SIMPLE = frozenset(["number", "integer", "boolean", "null"])
_REMARKS = frozenset([
    "title", "description", "$schema", "$id", "$comment", "examples", "default", "deprecated",
    "readOnly", "writeOnly", "$defs", "definitions", "format",
])  # fmt: skip
_KEYWORDS = {
    "string": frozenset(["enum", "const", "minLength", "maxLength", "pattern"]),
    "array": frozenset(["items", "minItems", "maxItems"]),
    "object": frozenset(["properties", "required", "additionalProperties"]),
}


def members(rules: Rules, each: Sequence[tuple[str, bool]], separator: str) -> str:
    """The members in this order, separated; each with whether it is required."""
    # after[i]: members i and later, behind an earlier one; first[i]: with none before them.
    mark = rules.exact(separator)
    after = first = ""
    for member, is_required in reversed(each):
        begun = f"{member} {after}"
        first = begun if is_required else f"({begun} | {first})" if first else f"({begun})?"
        after = rules.rule(
            f"{mark} {member} {after}" if is_required else f"({mark} {member})? {after}"
        )
        first = rules.rule(first)
    return first


class Values:
    """Values of one tool's parameters as Gemma writes them: bare keys, texts between `quote`s.
    ChatError for a keyword that has no grammar here."""

    def __init__(self, rules: Rules, tool: Tool, quote: str) -> None:
        self._rules = rules
        self._tool = tool
        self._quote = quote

    def value(self, schema: Mapping[str, Any] | bool) -> str:
        told = schema if isinstance(schema, Mapping) else {}
        if not told.keys() - _REMARKS:
            return self._any()
        if isinstance(told.get("$ref"), str):
            return self._reference(told["$ref"])
        for alternatives in ("anyOf", "oneOf"):
            if isinstance(told.get(alternatives), list):
                return self._rules.rule(" | ".join(map(self.value, told[alternatives])))
        types = types_of(told, self._tool.parameters)
        kinds = sorted(types - {"integer"} if "number" in types else types)
        return self._rules.rule(" | ".join(self._typed(kind, told) for kind in kinds))

    def _typed(self, kind: str, schema: Mapping[str, Any]) -> str:
        if kind in _SIMPLE:
            return self._rules.json({**schema, "type": kind})
        known = _KEYWORDS["string"] | _KEYWORDS["array"] | _KEYWORDS["object"]
        if isinstance(schema.get("type"), str):
            known = _KEYWORDS[kind]
        unknown = sorted(schema.keys() - known - _REMARKS - {"type"})
        if unknown:
            raise self._refusal(unknown[0])
        return {"string": self._text, "array": self._array, "object": self._object}[kind](schema)

    def _text(self, schema: Mapping[str, Any]) -> str:
        parameter = Parameter("", schema, frozenset(["string"]), is_required=True)
        return f"{self._rules.exact(self._quote)} {parameter.lark(self._rules, self._quote)}"

    def _array(self, schema: Mapping[str, Any]) -> str:
        item = self.value(schema.get("items", {}))
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        more = f"{{{max(least - 1, 0)},{'' if most is None else max(most - 1, 0)}}}"
        items = f'{item} ("," {item}){more}'
        if most == 0:
            items = ""
        return f'"[" {items if least else f"({items})?"} "]"'

    def _object(self, schema: Mapping[str, Any]) -> str:
        properties, required = schema.get("properties"), schema.get("required", ())
        if not isinstance(properties, Mapping) or not properties:
            of = schema.get("additionalProperties", True)
            return self._map(self.value(of) if isinstance(of, Mapping) else self._any())
        each = [
            (f"{self._rules.exact(f'{name}:')} {self.value(one)}", name in required)
            for name, one in sorted(properties.items(), key=lambda pair: pair[0].lower())
        ]
        return f'"{{" {members(self._rules, each, ",")} "}}"'

    def _map(self, value: str) -> str:
        member = f'/[^\\s:,{{}}\\[\\]"<>|]{{1,64}}/ ":" {value}'
        return f'"{{" ({member} ("," {member})*)? "}}"'

    def _any(self) -> str:
        return self._rules.recursive("any value", self._any_expression)

    def _any_expression(self) -> str:
        any_ = self._any()
        plain = self._rules.json({"type": sorted(_SIMPLE - {"integer"})})
        listed = f'"[" ({any_} ("," {any_})*)? "]"'
        return f"{plain} | {self._text({})} | {listed} | {self._map(any_)}"

    def _reference(self, reference: str) -> str:
        target = resolved(reference, self._tool.parameters)
        if not isinstance(target, Mapping):
            raise self._refusal(f"$ref {reference[:64]}")
        # Another tool's definitions may have the same names.
        key = f"{self._tool.name} {reference}"
        return self._rules.recursive(key, lambda: self.value(target))

    def _refusal(self, what: str) -> ChatError:
        return ChatError(
            f"The parameters of the tool '{self._tool.name}' use '{what}', which this model's"
            " format of calls cannot express.",
            "tools",
        )
