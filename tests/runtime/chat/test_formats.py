"""What an answer must match, and what is said when that cannot be."""

from __future__ import annotations

import json
from typing import Any

import pytest

from fakes import ByteTokenizer
from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.formats import (
    MAX_CHOICES,
    MAX_DEPTH,
    MAX_REGEX_CHARACTERS,
    MAX_WIDTH,
)
from llamapack_runtime.chat.prepare import Prepared, Preparer
from llamapack_runtime.chat.template import CHATML, ChatTemplate
from llamapack_runtime.chat.types import AnswerFormat, Chat, FormatKind, Message
from llamapack_runtime.engine.errors import GrammarError

USER = (Message("user", "Hi"),)
GBNF = 'root ::= "a" b+\nb ::= [0-9] | "\\n"'
LARK = 'start: "a" B+\nB: /[0-9]/ | "\\n"'
THINKING = CHATML + "{#- </think> #}"


def prepare(kind: FormatKind, value: Any = None, source: str = CHATML) -> Prepared:
    template = ChatTemplate(source, bos_token="", eos_token="")
    return Preparer(template, ByteTokenizer()).prepare(Chat(USER, format=AnswerFormat(kind, value)))


def allows(prepared: Prepared, text: str) -> bool:
    assert prepared.grammar is not None
    matcher = prepared.grammar.start()
    try:
        for byte in text.encode():
            matcher.accept(byte)
        matcher.accept(ByteTokenizer.END)
    except GrammarError:
        return False
    return True


@pytest.mark.parametrize(
    ("kind", "value", "right", "wrong"),
    [
        ("json_object", None, ['{"a": [1, {}]}', "{}"], ["[]", "1", "{", '{"a": 1} x']),
        ("json_schema", {"type": "integer", "minimum": 3}, ["3", "77"], ["2", "a", '"3"']),
        ("json_schema", True, ["3", "[1, null]"], ["a", "[1"]),
        ("json_schema", {"$ref": "#/$defs/a", "$defs": {"a": {"const": 1}}}, ["1"], ["2"]),
        ("gbnf", GBNF, ["a1", "a1\n2"], ["a", "b"]),
        ("lark", LARK, ["a1", "a1\n2"], ["a", "b"]),
        ("lark", 'start: %json {"type": "null"}', ["null"], ["1"]),
        ("regex", r"\d{2}/[a-z]+", ["12/ab"], ["1/ab", "12/"]),
        ("regex", "a\nb|ü", ["a\nb", "ü"], ["a b"]),
        ("choice", ["yes", 'no "way"\n', "ja/nein"], ["yes", 'no "way"\n', "ja/nein"], ["no"]),
    ],
)
def test_an_answer_matches_its_format(
    kind: FormatKind, value: Any, right: list[str], wrong: list[str]
) -> None:
    plain, thinking = prepare(kind, value), prepare(kind, value, THINKING)
    thought = "<think>1 { a</think>\n\n"
    assert [allows(plain, text) for text in right] == [True] * len(right)
    assert [allows(plain, text) for text in wrong] == [False] * len(wrong)
    assert [allows(thinking, text) for text in right] == [True] * len(right)
    assert [allows(thinking, thought + text) for text in right] == [True] * len(right)
    assert [allows(thinking, thought + text) for text in wrong] == [False] * len(wrong)
    assert not allows(plain, thought + right[0])


@pytest.mark.parametrize(
    ("kind", "value", "words"),
    [
        ("json_schema", {"type": "object", "properties": {"a": {"not": {}}}}, "not"),
        ("json_schema", {"$ref": "https://example.org/schema.json"}, "example.org"),
        ("json_schema", {"type": "string", "pattern": "(?=a)b"}, "look-around"),
        ("json_schema", {"type": "string", "format": "colour"}, "colour"),
        ("json_schema", {"type": "integer", "minimum": 4, "maximum": 3}, "format"),
        ("json_schema", ["a"], "JSON Schema"),
        ("json_schema", None, "null"),
        ("json_schema", {"$id": 3}, r"\$id that is 3"),
        ("json_schema", {"enum": [*range(MAX_WIDTH + 1)]}, str(MAX_WIDTH)),
        ("regex", "a(?!b)", "look-around"),
        ("regex", r"(a)\1", "backreferences"),
        ("regex", "(", "unclosed group"),
        ("regex", "", "not be empty|not empty"),
        ("regex", "a" * (MAX_REGEX_CHARACTERS + 1), str(MAX_REGEX_CHARACTERS)),
        ("gbnf", "root ::= missing", "missing"),
        ("gbnf", 'root ::= "a', "GBNF"),
        ("gbnf", 7, "text"),
        ("lark", "start: missing", "missing"),
        ("choice", [], "at least one"),
        ("choice", [1], "list of texts"),
        ("choice", ["a"] * (MAX_CHOICES + 1), str(MAX_CHOICES)),
    ],
)
def test_what_cannot_be_a_format_is_said(kind: FormatKind, value: Any, words: str) -> None:
    with pytest.raises(ChatError, match=words):
        prepare(kind, value)


def test_a_schema_may_not_be_deep_without_end() -> None:
    schema: dict[str, Any] = {}
    for _ in range(MAX_DEPTH):
        schema = {"items": schema}
    with pytest.raises(ChatError, match="deep"):
        prepare("json_schema", schema)


def test_a_schema_may_not_be_large_without_end() -> None:
    with pytest.raises(ChatError, match="characters"):
        prepare("json_schema", {"description": "x" * 300_000})


def test_json_is_written_as_python_writes_it() -> None:
    schema = {"type": "object", "x-guidance": {"whitespace_flexible": True}}
    prepared = prepare("json_schema", schema)
    value = {"a": [1, "b", {"c": None}], "d": 1.5}
    assert allows(prepared, json.dumps(value))
    assert not allows(prepared, json.dumps(value, indent=2))
