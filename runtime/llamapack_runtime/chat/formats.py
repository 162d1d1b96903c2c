"""What an answer must match, as an expression of a grammar. Whether a grammar can be used is for
its compiler to say; here are the limits on its size."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from llamapack_runtime.chat.closed_schema import closed
from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.chat.lark import Rules
from llamapack_runtime.chat.types import AnswerFormat

MAX_SCHEMA_CHARACTERS = 256 * 1024
MAX_GRAMMAR_CHARACTERS = 128 * 1024
MAX_REGEX_CHARACTERS = 16 * 1024
MAX_CHOICES = 1024
MAX_DEPTH = 64
MAX_WIDTH = 1000  # of properties: compiling them takes the square of their number


def format_lark(rules: Rules, wanted: AnswerFormat) -> str:
    """ChatError for a value that is none, or too large."""
    return _EXPRESSIONS[wanted.kind](rules, wanted.value)


def whole_grammar(wanted: AnswerFormat) -> str | None:
    """The grammar of an answer that is nothing else, where one was given: nested within another
    it could not say everything."""
    if wanted.kind == "lark":
        return _text(wanted.value, "grammar", MAX_GRAMMAR_CHARACTERS)
    return _from_gbnf(wanted.value) if wanted.kind == "gbnf" else None


def check_schema(schema: object, what: str) -> None:
    """ChatError for a schema that is none, or larger or deeper than one may be."""
    if not isinstance(schema, dict | bool):
        raise ChatError(f"{what} must be a JSON Schema: an object, not {_named(schema)}.")
    if isinstance(schema, dict) and not isinstance(schema.get("$id", ""), str):
        raise ChatError(f"{what} has an $id that is {_named(schema['$id'])}, not a text.")
    for depth, level in enumerate(_levels(schema), start=1):
        if depth > MAX_DEPTH:
            raise ChatError(f"{what} is nested more than {MAX_DEPTH} levels deep.")
        if max(map(len, level)) > MAX_WIDTH:
            raise ChatError(f"{what} has more than {MAX_WIDTH} values in one object or list.")
    size = len(json.dumps(schema, ensure_ascii=False))
    if size > MAX_SCHEMA_CHARACTERS:
        raise ChatError(
            f"{what} has {size} characters; at most {MAX_SCHEMA_CHARACTERS} are possible."
        )


def _json_object(rules: Rules, _value: object) -> str:
    return rules.json({"type": "object"})


def _json_schema(rules: Rules, value: Any) -> str:
    check_schema(value, "The schema of the answer")
    return rules.json(value if isinstance(value, bool) else closed(value))


def _lark(rules: Rules, value: object) -> str:
    return rules.nested(_text(value, "grammar", MAX_GRAMMAR_CHARACTERS))


def _gbnf(rules: Rules, value: object) -> str:
    return rules.nested(_from_gbnf(value))


def _regex(rules: Rules, value: object) -> str:
    from llguidance import regex_to_lark  # loaded when the first grammar is asked for

    text = _text(value, "regular expression", MAX_REGEX_CHARACTERS)
    return rules.terminal(f"/{regex_to_lark(text)}/")


def _choice(rules: Rules, value: object) -> str:
    texts = value if isinstance(value, list | tuple) else []
    if not texts or not all(isinstance(text, str) for text in texts):
        raise ChatError("The choices for the answer must be a list of texts, at least one.")
    if len(texts) > MAX_CHOICES:
        raise ChatError(f"There are {len(texts)} choices; at most {MAX_CHOICES} are possible.")
    if sum(map(len, texts)) > MAX_GRAMMAR_CHARACTERS:
        raise ChatError(
            f"The choices are longer than {MAX_GRAMMAR_CHARACTERS} characters together."
        )
    return rules.rule(" | ".join(json.dumps(text) for text in texts))


def _from_gbnf(value: object) -> str:
    from llguidance.gbnf_to_lark import gbnf_to_lark  # loaded when the first one is asked for

    text = _text(value, "grammar", MAX_GRAMMAR_CHARACTERS)
    try:
        converted: str = gbnf_to_lark(text)
    except Exception as error:  # that is what it raises
        raise ChatError(f"The grammar cannot be read as GBNF: {error}.") from error
    return converted.removeprefix("%llguidance {}\n")


_EXPRESSIONS: dict[str, Callable[[Rules, Any], str]] = {
    "json_object": _json_object,
    "json_schema": _json_schema,
    "lark": _lark,
    "gbnf": _gbnf,
    "regex": _regex,
    "choice": _choice,
}


def _text(value: object, what: str, limit: int) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ChatError(f"The {what} of the answer must be a text that is not empty.")
    if len(value) > limit:
        raise ChatError(f"The {what} has {len(value)} characters; at most {limit} are possible.")
    return value


def _levels(value: object) -> Iterator[list[Any]]:
    """The objects and lists of each depth, to one beyond what may be."""
    level: list[Any] = [value]
    for _ in range(MAX_DEPTH + 1):
        level = [one for one in level if isinstance(one, dict | list)]
        if not level:
            return
        yield level
        level = [
            inner for one in level for inner in (one.values() if isinstance(one, dict) else one)
        ]


def _named(value: object) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 64 else f"{text[:64]}…"
