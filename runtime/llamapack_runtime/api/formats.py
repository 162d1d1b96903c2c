"""What an answer must match, by all the names that clients have for it. Each function is
BadRequest, which names the parameter, when a value makes no sense; whether a grammar or a schema
can be followed is found out when the prompt is prepared."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import msgspec

from llamapack_runtime.api.errors import BadRequest, MissingParameter, UnknownParameter
from llamapack_runtime.api.parameters import Parameters
from llamapack_runtime.chat.types import AnswerFormat

MAX_EXPRESSION_CHARACTERS = 16 * 1024
MAX_CHOICES = 1000
MAX_CHOICE_CHARACTERS = 256 * 1024  # of all together

_STRUCTURED = ("json", "regex", "choice", "grammar", "json_object")


def to_format(request: Parameters, response_format: Any = None) -> AnswerFormat | None:
    """The only one that is asked for; `response_format` is OpenAI's."""
    found = [*_formats(request, response_format)]
    if len(found) > 1:
        names = " and ".join(f"'{param}'" for param, _ in found)
        message = f"{names} each say what the answer must match; send one of them."
        raise BadRequest(message, found[1][0])
    return replace(found[0][1], param=found[0][0]) if found else None


def schema_format(schema: Any, param: str) -> AnswerFormat:
    """A JSON Schema, also as JSON text. One without any demand is an object, as in llama.cpp."""
    if isinstance(schema, str):
        schema = _parsed(schema, param)
    if schema == {}:
        return AnswerFormat("json_object", param=param)
    if not isinstance(schema, dict | bool):
        raise BadRequest(f"'{param}' must be a JSON Schema: an object.", param)
    return AnswerFormat("json_schema", schema, param)


def grammar_format(grammar: str) -> AnswerFormat:
    """llama.cpp's GBNF has ::= between a name and what it stands for, Lark a colon."""
    return AnswerFormat("gbnf" if "::=" in grammar else "lark", grammar)


def response_format_of(
    value: Any, param: str = "response_format", schema: str = "json_schema.schema"
) -> AnswerFormat | None:
    """OpenAI's {"type": "text" | "json_object" | "json_schema", ...}; None for text. The schema
    may also be beside the type, where llama-server has it; `schema` is its place in messages."""
    if value is None:
        return None
    kind = value.get("type") if isinstance(value, dict) else None
    match kind:
        case "text":
            return None
        case "json_object":
            return schema_format(value.get("schema", {}), f"{param}.schema")
        case "json_schema":
            return _json_schema(value, f"{param}.{schema}")
    message = f"'{param}.type' must be text, json_object or json_schema."
    raise BadRequest(message, f"{param}.type")


def _json_schema(value: Mapping[str, Any], param: str) -> AnswerFormat:
    wrapper = value.get("json_schema", value)
    if not isinstance(wrapper, dict) or wrapper.get("schema") is None:
        raise MissingParameter(param)
    return schema_format(wrapper["schema"], param)


def _formats(request: Parameters, response_format: Any) -> Iterator[tuple[str, AnswerFormat]]:
    asked = response_format_of(response_format)
    if asked is not None:
        yield "response_format", asked
    for param in ("json_schema", "guided_json"):
        schema = getattr(request, param)
        if schema is not None:
            yield param, schema_format(schema, param)
    if request.grammar:
        is_lark = request.grammar.lstrip().startswith("%llguidance")
        yield "grammar", AnswerFormat("lark" if is_lark else "gbnf", request.grammar)
    if request.ebnf:
        yield "ebnf", AnswerFormat("gbnf", request.ebnf)
    if request.guided_grammar:
        yield "guided_grammar", grammar_format(request.guided_grammar)
    for param in ("guided_regex", "regex"):
        expression = getattr(request, param)
        if expression:
            yield param, _regex(expression, param)
    if request.guided_choice is not None:
        yield "guided_choice", _choice(request.guided_choice, "guided_choice")
    yield from _structured(request.structured_outputs or {})


def _structured(outputs: Mapping[str, Any]) -> Iterator[tuple[str, AnswerFormat]]:
    """vLLM's newer spelling of its guided_ parameters."""
    for name, value in outputs.items():
        param = f"structured_outputs.{name}"
        if value is None or value is False:
            continue
        match name, value:
            case "json", _:
                yield param, schema_format(value, param)
            case "json_object", True:
                yield param, AnswerFormat("json_object")
            case "regex", str():
                yield param, _regex(value, param)
            case "choice", list():
                yield param, _choice(value, param)
            case "grammar", str():
                yield param, grammar_format(value)
            case _ if name in _STRUCTURED:
                raise BadRequest(f"The parameter '{param}' is wrong.", param, "invalid_type")
            case _:
                raise UnknownParameter(param)


def _regex(expression: str, param: str) -> AnswerFormat:
    if len(expression) > MAX_EXPRESSION_CHARACTERS:
        message = f"'{param}' has more than {MAX_EXPRESSION_CHARACTERS} characters."
        raise BadRequest(message, param)
    return AnswerFormat("regex", expression)


def _choice(texts: list[Any], param: str) -> AnswerFormat:
    if not all(isinstance(text, str) and text for text in texts):
        raise BadRequest(f"'{param}' must be a list of texts that are not empty.", param)
    if not 0 < len(texts) <= MAX_CHOICES or sum(map(len, texts)) > MAX_CHOICE_CHARACTERS:
        message = (
            f"'{param}' must have 1 to {MAX_CHOICES} texts, of at most"
            f" {MAX_CHOICE_CHARACTERS} characters in all."
        )
        raise BadRequest(message, param)
    return AnswerFormat("choice", texts)


def _parsed(text: str, param: str) -> Any:
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        raise BadRequest(f"'{param}' is not valid JSON.", param) from None
