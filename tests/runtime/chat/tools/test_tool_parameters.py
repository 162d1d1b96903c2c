"""Parameters one by one: what their types are, how they are bounded, and what becomes of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.tools import gemma, qwen_coder
from llamapack_runtime.chat.tools.calls import Allowed
from llamapack_runtime.chat.tools.format import ToolFormat
from llamapack_runtime.chat.tools.tool_parameters import parameters_of
from llamapack_runtime.chat.types import Tool
from runtime.chat.tools.answers import calls_in, matches, parts

CODER, GEMMA = qwen_coder.FORMATS[1], gemma.FORMATS[0]
DEFINITIONS = {"$defs": {"level": {"enum": [1, 2]}, "word": {"type": "string", "maxLength": 3}}}


def tool(**schema: Any) -> Tool:
    return Tool("f", parameters={"type": "object", "properties": {"x": schema}, **DEFINITIONS})


def coder(value: str) -> str:
    inner = f"<function=f>\n<parameter=x>\n{value}\n</parameter>\n</function>"
    return f"<tool_call>\n{inner}\n</tool_call>"


def gemma_call(value: str) -> str:
    return f"<|tool_call>call:f{{x:{value}}}<tool_call|>"


def read(format_: ToolFormat, one: Tool, text: str) -> object:
    [(_, arguments)] = calls_in(parts(format_, [text], (one,)))
    assert isinstance(arguments, dict)
    return arguments["x"]


def is_allowed(format_: ToolFormat, one: Tool, text: str) -> bool:
    return matches(format_, Allowed((one,), is_required=True), text) == ""


@pytest.mark.parametrize(
    ("schema", "value", "expected"),
    [
        ({"type": "string"}, "12", "12"),
        ({"type": "string"}, ' a "b"\n\n\\c ', ' a "b"\n\n\\c '),
        ({"type": "integer"}, "12", 12),
        ({"type": "boolean"}, "True", True),
        ({"type": "object"}, '{"a": [1]}', {"a": [1]}),
        ({"type": ["string", "null"]}, "null", None),
        ({"type": ["string", "null"]}, "12", "12"),
        ({"anyOf": [{"type": "string"}, {"type": "integer"}]}, "12", 12),
        ({"$ref": "#/$defs/word"}, "12", "12"),
        ({"$ref": "#/$defs/level"}, "2", 2),
        ({"enum": ["1", "2"]}, "1", "1"),
        ({"const": 7}, "7", 7),
        ({}, "12", 12),
        ({}, "twelve", "twelve"),
        ({}, "NaN", "NaN"),
    ],
)
def test_a_value_is_what_its_schema_says(schema: Any, value: str, expected: object) -> None:
    one = tool(**schema)
    assert is_allowed(CODER, one, coder(value))
    assert read(CODER, one, coder(value)) == expected


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        ({"type": "integer"}, "a"),
        ({"type": "integer", "minimum": 5}, "4"),
        ({"type": "string", "maxLength": 3}, "abcd"),
        ({"type": "string", "minLength": 3}, "ab"),
        ({"type": "string", "pattern": "^[a-c]+$"}, "abd"),
        ({"type": "string", "pattern": "x"}, "abd"),
        ({"enum": ["a", "b"]}, "c"),
        ({"$ref": "#/$defs/level"}, "3"),
        ({"type": "array", "items": {"type": "integer"}}, '["a"]'),
    ],
)
def test_a_value_that_does_not_match_is_not_allowed(schema: Any, value: str) -> None:
    assert not is_allowed(CODER, tool(**schema), coder(value))


Q = '<|"|>'


@pytest.mark.parametrize(
    ("schema", "right", "wrong"),
    [
        ({"type": "string"}, [f'{Q}a "b" {{{Q}'], ['"a"', "a"]),
        ({"type": "string", "maxLength": 2}, [f"{Q}ab{Q}"], [f"{Q}abc{Q}"]),
        ({"enum": ["a", 1]}, [f"{Q}a{Q}", "1"], [f"{Q}b{Q}", "2"]),
        ({"type": "number"}, ["1.5", "-2"], ["a"]),
        ({"type": "array", "items": {"const": 1}, "maxItems": 2}, ["[]", "[1,1]"], ["[1,1,1]"]),
        ({"type": "array", "minItems": 2}, [f"[1,{Q}a{Q}]"], ["[1]"]),
        (
            {"type": "object", "properties": {"b": {"type": "null"}, "a": {}}, "required": ["b"]},
            ["{b:null}", "{a:[1,{c:true}],b:null}"],
            ["{}", "{a:1}", "{b:1}"],
        ),
        ({"type": "object", "additionalProperties": {"const": 1}}, ["{a:1,c:1}"], ["{a:{}}"]),
        ({"anyOf": [{"type": "integer"}, {"$ref": "#/$defs/word"}]}, ["1", f"{Q}abc{Q}"], ["[]"]),
        ({}, ["1", f"{Q}a{Q}", "[[],{}]", "{a:{b:1}}"], ["a", "[1"]),
    ],
)  # fmt: skip
def test_gemmas_values_are_bounded(schema: Any, right: list[str], wrong: list[str]) -> None:
    one = tool(**schema)
    assert [is_allowed(GEMMA, one, gemma_call(value)) for value in right] == [True] * len(right)
    assert [is_allowed(GEMMA, one, gemma_call(value)) for value in wrong] == [False] * len(wrong)
    for value in right:
        json.dumps(read(GEMMA, one, gemma_call(value)))


def test_a_schema_may_refer_to_itself() -> None:
    node = {"type": "object", "properties": {"next": {"$ref": "#/$defs/node"}}}
    one = Tool(
        "f", parameters={"properties": {"x": {"$ref": "#/$defs/node"}}, "$defs": {"node": node}}
    )
    text = gemma_call("{next:{next:{}}}")
    assert is_allowed(GEMMA, one, text)
    assert read(GEMMA, one, text) == {"next": {"next": {}}}


@pytest.mark.parametrize(
    ("parameters", "word"),
    [
        ({"anyOf": [{"required": ["a"]}]}, "anyOf"),
        ({"properties": {"x": {"type": "array", "uniqueItems": True}}}, "uniqueItems"),
        ({"properties": {"x": {"$ref": "#/$defs/none"}}}, "none"),
    ],
)
def test_what_cannot_be_expressed_is_named(parameters: Any, word: str) -> None:
    one = Tool("f", parameters=parameters)
    with pytest.raises(ChatError, match=rf"tool 'f'.*{word}"):
        matches(GEMMA, Allowed((one,)), "x")


def test_required_parameters_come_with_or_without_a_schema() -> None:
    one = Tool("f", parameters={"properties": {"a": {}}, "required": ["b"]})
    assert [(p.name, p.is_required) for p in parameters_of(one)] == [("a", False), ("b", True)]
