"""Messages and tools as a template reads them: the dictionaries that users of Hugging Face's
`apply_chat_template` send, in the variety that one template wants. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from llamapack_runtime.chat.errors import ChatTemplateError
from llamapack_runtime.chat.types import Message, Tool, ToolCall


@dataclass(frozen=True, slots=True)
class MessageShape:
    """What differs between templates. `parts`: content is a list of typed parts. `arguments_text`:
    a call's arguments are JSON text, not an object. `no_content`: the content of a message that
    has only calls. `names_reasoning`: reasoning is read as `reasoning`, too. `tools`: the variable
    that lists the tools. `lists_no_tools`: it is an empty list where there are none, not None."""

    parts: bool = False
    system: bool = True
    developer: bool = False
    arguments_text: bool = False
    no_content: str | None = None
    names_reasoning: bool = False
    tools: str = "tools"
    lists_no_tools: bool = False


def as_dicts(messages: Sequence[Message], shape: MessageShape) -> list[dict[str, Any]]:
    """ChatTemplateError for a call whose arguments are no JSON object."""
    adapted = list(messages)
    if not shape.developer:
        adapted = [_as_system(message) for message in adapted]
    if not shape.system:
        adapted = _merge_system(adapted)
    called = {call.id: call.name for message in adapted for call in message.tool_calls}
    return [_as_dict(message, shape, called) for message in adapted]


def tool_variables(tools: Iterable[Tool], shape: MessageShape) -> dict[str, Any]:
    """The variables that say which tools there are."""
    listed = [_tool(tool) for tool in tools]
    nothing: list[Any] | None = [] if shape.lists_no_tools else None
    return {"tools": nothing, shape.tools: listed or nothing}


def _tool(tool: Tool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "description": tool.description,
        # Templates go through the properties, so they must be there.
        "parameters": dict(tool.parameters) or {"type": "object", "properties": {}},
    }
    return {"type": "function", "function": function}


def _as_dict(message: Message, shape: MessageShape, called: dict[str, str]) -> dict[str, Any]:
    result: dict[str, Any] = {"role": message.role, "content": _content(message, shape)}
    name = message.name
    if message.tool_call_id is not None:
        result["tool_call_id"] = message.tool_call_id
        name = name or called.get(message.tool_call_id)
    if name is not None:
        result["name"] = name
    if message.reasoning is not None:
        # Hugging Face fills both; gpt-oss reads the second.
        result["reasoning_content"] = result["thinking"] = message.reasoning
        if shape.names_reasoning:
            result["reasoning"] = message.reasoning
    if message.tool_calls:
        result["tool_calls"] = [_call(call, shape) for call in message.tool_calls]
    return result


def _content(message: Message, shape: MessageShape) -> object:
    content = message.content
    if not content and message.tool_calls:
        if shape.no_content is None:
            return None
        content = shape.no_content
    return [{"type": "text", "text": content}] if shape.parts else content


def _call(call: ToolCall, shape: MessageShape) -> dict[str, Any]:
    text = call.arguments.strip() or "{}"
    arguments = text if shape.arguments_text else _parsed(call.name, text)
    function = {"name": call.name, "arguments": arguments}
    return {"id": call.id, "type": "function", "function": function}


def _parsed(name: str, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ChatTemplateError(
            f"The arguments of the call to '{name}' are not JSON: {error}."
        ) from error
    if not isinstance(value, dict):
        raise ChatTemplateError(
            f"The arguments of the call to '{name}' must be a JSON object, not {text[:64]}."
        )
    return value


def _as_system(message: Message) -> Message:
    if message.role != "developer":
        return message
    return Message("system", message.content, message.name)


def _merge_system(messages: Sequence[Message]) -> list[Message]:
    """For templates without a system role: what the system says opens the first user message."""
    system = "\n\n".join(m.content for m in messages if m.role == "system")
    others = [m for m in messages if m.role != "system"]
    if not system:
        return others
    for index, message in enumerate(others):
        if message.role == "user":
            merged = Message("user", f"{system}\n\n{message.content}", message.name)
            return [*others[:index], merged, *others[index + 1 :]]
    return [Message("user", system), *others]
