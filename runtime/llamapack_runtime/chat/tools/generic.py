"""For models whose chat template shows no tools: they are described to it in words, and called as
Hermes' models call them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace

from llamapack_runtime.chat.template import TemplateCapabilities
from llamapack_runtime.chat.tools import hermes
from llamapack_runtime.chat.types import Message, Tool, ToolCall

GENERIC = hermes.HERMES

_DESCRIPTION = """\
You may call functions to answer. These are their signatures:
<tools>
{tools}
</tools>
To call a function, write a JSON object with its name and arguments between these tags:
<tool_call>
{{"name": "the function's name", "arguments": {{"the argument's name": "its value"}}}}
</tool_call>
The function's result follows between <tool_response> and </tool_response>."""


def with_tools(messages: Sequence[Message], tools: Sequence[Tool]) -> list[Message]:
    """Described at the end of the first system message, or in one of their own."""
    text = _DESCRIPTION.format(tools="\n".join(map(_signature, tools)))
    for index, message in enumerate(messages):
        if message.role in ("system", "developer"):
            described = replace(message, content=f"{message.content}\n\n{text}")
            return [*messages[:index], described, *messages[index + 1 :]]
    return [Message("system", text), *messages]


def with_words(
    messages: Sequence[Message], can: TemplateCapabilities, *, is_native: bool
) -> list[Message]:
    """Calls and results in words where the template would not show them; several calls of one
    message one after the other where it shows only one."""
    shows_calls = is_native and can.shows_tool_calls
    shows_results = is_native and can.shows_tool_results
    if shows_calls and not can.shows_parallel_calls:
        messages = _one_by_one(messages)
    worded = [
        message if shows_calls or not message.tool_calls else _call_in_words(message)
        for message in messages
    ]
    return worded if shows_results else _results_in_words(worded)


def _signature(tool: Tool) -> str:
    function = {
        "name": tool.name,
        "description": tool.description,
        "parameters": dict(tool.parameters),
    }
    return json.dumps({"type": "function", "function": function}, ensure_ascii=False)


def _call_in_words(message: Message) -> Message:
    calls = "\n".join(map(_written, message.tool_calls))
    content = f"{message.content}\n{calls}" if message.content else calls
    return replace(message, content=content, tool_calls=())


def _written(call: ToolCall) -> str:
    name, arguments = json.dumps(call.name), call.arguments.strip() or "{}"
    return f'{hermes.OPEN}\n{{"name": {name}, "arguments": {arguments}}}\n{hermes.CLOSE}'


def _results_in_words(messages: Sequence[Message]) -> list[Message]:
    """Neighbouring results are one message of the user's: many templates want turns to change."""
    result: list[Message] = []
    was_result = False
    for message in messages:
        is_result = message.role == "tool"
        if is_result:
            content = f"<tool_response>\n{message.content}\n</tool_response>"
            if was_result:
                content = f"{result.pop().content}\n{content}"
            message = Message("user", content)
        was_result = is_result
        result.append(message)
    return result


def _one_by_one(messages: Sequence[Message]) -> list[Message]:
    """Each call becomes a message, followed by its result."""
    results = {m.tool_call_id: m for m in messages if m.role == "tool"}
    split = {call.id for m in messages if len(m.tool_calls) > 1 for call in m.tool_calls}
    single: list[Message] = []
    for message in messages:
        if len(message.tool_calls) < 2:
            if message.role != "tool" or message.tool_call_id not in split:
                single.append(message)
            continue
        for index, call in enumerate(message.tool_calls):
            said = message if index == 0 else replace(message, content="", reasoning=None)
            single.append(replace(said, tool_calls=(call,)))
            if call.id in results:
                single.append(results[call.id])
    return single
