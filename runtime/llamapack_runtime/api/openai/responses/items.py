"""The items of a conversation in OpenAI's responses: checked, completed, and as messages.

Items go in as a client sends them, are stored, and come back with the next request."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from llamapack_runtime.api.errors import BadRequest, UnknownParameter
from llamapack_runtime.api.openai.messages import check_role, content_of
from llamapack_runtime.chat.types import Message, ToolCall

Json = dict[str, Any]

# Names an item of a stored response; what it names comes in its place before items are checked.
REFERENCE = "item_reference"
ROLES = ("user", "assistant", "system", "developer")
PREFIXES = {
    "message": "msg_",
    "function_call": "fc_",
    "function_call_output": "fco_",
    "reasoning": "rs_",
}
# What an item may have; the others are of OpenAI's own tools.
_FIELDS: Mapping[str, frozenset[str]] = {
    "message": frozenset({"role", "content", "phase"}),
    "function_call": frozenset({"call_id", "name", "arguments", "parsed_arguments"}),
    "function_call_output": frozenset({"call_id", "output"}),
    "reasoning": frozenset({"summary", "content", "encrypted_content"}),
}
_OF_ALL = frozenset({"type", "id", "status"})
_STATUS = ("in_progress", "completed", "incomplete", None)


def new_id(kind: str) -> str:
    return PREFIXES[kind] + secrets.token_hex(24)


def to_items(given: str | Sequence[Json] | None) -> list[Json]:
    """Each with a type, an id and a status. BadRequest names the item that is wrong."""
    if isinstance(given, str):
        given = [{"role": "user", "content": given}]
    return [_item(item, f"input[{i}]") for i, item in enumerate(given or ())]


def to_messages(items: Sequence[Json]) -> Iterator[Message]:
    """The reasoning, the words and the calls of one answer become one message."""
    turn = _Turn()
    for item in items:
        match item["type"]:
            case "reasoning":
                yield from turn.flushed(if_spoken=True)
                turn.reasoning += _reasoning(item)
            case "function_call":
                turn.calls.append(ToolCall(item["call_id"], item["name"], item["arguments"]))
            case "function_call_output":
                yield from turn.flushed()
                output, images = content_of(item["output"], "input.output")
                yield Message("tool", output, tool_call_id=item["call_id"], images=images)
            case _ if item["role"] == "assistant":
                yield from turn.flushed(if_spoken=True)
                turn.content, _ = content_of(item["content"], "input.content")
            case _:
                yield from turn.flushed()
                content, images = content_of(item["content"], "input.content")
                yield Message(item["role"], content, images=images)
    yield from turn.flushed()


class _Turn:
    """What an assistant has said so far."""

    def __init__(self) -> None:
        self.reasoning = ""
        self.content: str | None = None
        self.calls: list[ToolCall] = []

    def flushed(self, *, if_spoken: bool = False) -> Iterator[Message]:
        """The message, and a new beginning. Reasoning alone leads to nothing: it waits for what
        follows it (`if_spoken`), or is forgotten."""
        is_spoken = self.content is not None or bool(self.calls)
        if is_spoken:
            yield Message(
                "assistant",
                self.content or "",
                reasoning=self.reasoning or None,
                tool_calls=tuple(self.calls),
            )
        if is_spoken or not if_spoken:
            self.reasoning, self.content, self.calls = "", None, []


def _item(given: Json, place: str) -> Json:
    kind = given.get("type", "message")
    if not isinstance(kind, str) or kind not in _FIELDS:
        raise BadRequest(
            f"'{place}.type' is {str(kind)[:100]!r}; it must be one of {', '.join(_FIELDS)}.",
            f"{place}.type",
            "unsupported_parameter",
        )
    for name, value in given.items():
        if value is not None and name not in _FIELDS[kind] | _OF_ALL:
            raise UnknownParameter(f"{place}.{name}")
    item_id, status = given.get("id"), given.get("status")
    if not isinstance(item_id, str | None):
        raise BadRequest(f"'{place}.id' must be a text.", f"{place}.id", "invalid_type")
    if status not in _STATUS:
        message = f"'{place}.status' must be in_progress, completed or incomplete."
        raise BadRequest(message, f"{place}.status")
    head = {"id": item_id or new_id(kind), "type": kind}
    return {**head, "status": status or "completed", **_CHECKS[kind](given, place)}


def _message(given: Json, place: str) -> Json:
    role = given.get("role")
    check_role(role if isinstance(role, str) else str(role), place, ROLES)
    content = given.get("content")
    if isinstance(content, str):
        kind = "output_text" if role == "assistant" else "input_text"
        content = [_text_part(kind, content)]
    if not isinstance(content, list):
        name = f"{place}.content"
        raise BadRequest(f"'{name}' must be a text or a list of parts.", name, "invalid_type")
    content_of(content, f"{place}.content")
    return {"role": role, "content": content}


def _function_call(given: Json, place: str) -> Json:
    return {name: _text(given, name, place) for name in ("call_id", "name", "arguments")}


def _function_call_output(given: Json, place: str) -> Json:
    output = given.get("output")
    if not isinstance(output, str | list):
        name = f"{place}.output"
        raise BadRequest(f"'{name}' must be a text or a list of parts.", name, "invalid_type")
    content_of(output, f"{place}.output")
    return {"call_id": _text(given, "call_id", place), "output": output}


def _reasoning_item(given: Json, place: str) -> Json:
    parts = {name: given.get(name) or [] for name in ("summary", "content")}
    for name, texts in parts.items():
        if not isinstance(texts, list) or not all(map(_is_text, texts)):
            param = f"{place}.{name}"
            raise BadRequest(f"'{param}' must be a list of texts.", param, "invalid_type")
    return parts


_CHECKS = {
    "message": _message,
    "function_call": _function_call,
    "function_call_output": _function_call_output,
    "reasoning": _reasoning_item,
}


def _is_text(part: Any) -> bool:
    return isinstance(part, dict) and isinstance(part.get("text"), str)


def _text(given: Json, name: str, place: str) -> str:
    value = given.get(name)
    if isinstance(value, str):
        return value
    param = f"{place}.{name}"
    raise BadRequest(f"'{param}' must be a text.", param, "invalid_type")


def _text_part(kind: str, text: str) -> Json:
    part: Json = {"type": kind, "text": text}
    return part | {"annotations": [], "logprobs": []} if kind == "output_text" else part


def _reasoning(item: Json) -> str:
    """The summary stands for the reasoning where that was not told."""
    return "".join(part["text"] for part in item["content"] or item["summary"])
