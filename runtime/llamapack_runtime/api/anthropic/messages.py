"""From Anthropic's messages to the chat core's.

A message there holds blocks of many kinds; here results of tools are messages of their own, and
neighbours of one role are one message."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby

import msgspec

from llamapack_runtime.api.anthropic.blocks import (
    Block,
    Document,
    Image,
    RedactedThinking,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
)
from llamapack_runtime.api.anthropic.requests import AskedMessage
from llamapack_runtime.api.errors import BadRequest, TextOnly
from llamapack_runtime.api.pictures import image_of_base64, image_of_url
from llamapack_runtime.chat.types import Image as Picture
from llamapack_runtime.chat.types import Message, ToolCall


def to_messages(
    system: str | Sequence[Text] | None, messages: Sequence[AskedMessage]
) -> tuple[Message, ...]:
    """BadRequest that names the block, 501 for a modality that the model does not have."""
    found = [Message("system", _joined(system))] if system else []
    called: dict[str, str] = {}
    for index, message in enumerate(messages):
        place = f"messages[{index}].content"
        if message.role == "assistant":
            answer = _assistant(message.content, place)
            called |= {call.id: call.name for call in answer.tool_calls}
            found.append(answer)
        else:
            found += _asked(message, place, called)
    return tuple(_merged(found))


def continues_last(messages: Sequence[Message]) -> bool:
    """Whether the answer goes on where an assistant's message ends. BadRequest when that calls
    tools, whose results must follow, and when nobody has said anything."""
    if not messages:
        raise BadRequest("'messages' has no content; send at least one text.", "messages")
    last = messages[-1]
    if last.role == "assistant" and last.tool_calls:
        call = last.tool_calls[0]
        message = f"'messages' ends with the tool_use '{call.id}'; its tool_result must follow."
        raise BadRequest(message, "messages")
    return last.role == "assistant"


def _assistant(content: str | Sequence[Block], place: str) -> Message:
    if isinstance(content, str):
        return Message("assistant", content)
    text: list[str] = []
    thinking: list[str] = []
    calls: list[ToolCall] = []
    for index, block in enumerate(content):
        match block:
            case Text():
                text.append(block.text)
            case Thinking():
                thinking.append(block.thinking)
            case ToolUse():
                arguments = msgspec.json.encode(block.input).decode()
                calls.append(ToolCall(block.id, block.name, arguments))
            case RedactedThinking():
                pass
            case _:
                raise _misplaced(block, f"{place}[{index}]", "assistant")
    reasoning = "".join(thinking) or None
    return Message("assistant", "".join(text), reasoning=reasoning, tool_calls=tuple(calls))


def _asked(message: AskedMessage, place: str, called: dict[str, str]) -> Iterator[Message]:
    """A user's or system's message, with the results of what was `called` (identifier to name)."""
    if isinstance(message.content, str):
        yield Message(message.role, message.content)
        return
    for index, block in enumerate(message.content):
        where = f"{place}[{index}]"
        match block:
            case Text():
                yield Message(message.role, block.text)
            case ToolResult() if message.role == "user":
                yield _result(block, where, called)
            case Image():
                image = _image(block, where)
                yield Message(message.role, image.mark, images=(image,))
            case Document():
                raise TextOnly("documents", where)
            case _:
                raise _misplaced(block, where, message.role)


def _result(block: ToolResult, place: str, called: dict[str, str]) -> Message:
    name = called.get(block.tool_use_id)
    if name is None:
        raise BadRequest(
            f"'{place}.tool_use_id' is '{block.tool_use_id[:100]}', but no message before it "
            "has a tool_use with this id.",
            f"{place}.tool_use_id",
        )
    content, images = _result_content(block.content or "", f"{place}.content")
    if block.is_error:
        content = f"Error: {content}"
    return Message("tool", content, name, tool_call_id=block.tool_use_id, images=images)


def _result_content(
    content: str | Sequence[Text | Image | Document], place: str
) -> tuple[str, tuple[Picture, ...]]:
    if isinstance(content, str):
        return content, ()
    texts: list[str] = []
    images: list[Picture] = []
    for index, part in enumerate(content):
        match part:
            case Text():
                texts.append(part.text)
            case Image():
                images.append(_image(part, f"{place}[{index}]"))
                texts.append(images[-1].mark)
            case Document():
                raise TextOnly("documents", f"{place}[{index}]")
    return "\n".join(texts), tuple(images)


def _image(block: Image, place: str) -> Picture:
    source = block.source if isinstance(block.source, dict) else {}
    if source.get("type") == "base64":
        return image_of_base64(source.get("data"), place)
    if source.get("type") == "url":
        return image_of_url(source.get("url"), place)
    return Picture.unusable(f"'{place}.source' must be of the type base64.", place)


def _joined(blocks: str | Sequence[Text]) -> str:
    return blocks if isinstance(blocks, str) else "\n".join(block.text for block in blocks)


def _merged(messages: Sequence[Message]) -> Iterator[Message]:
    """Neighbours of one role as one message: an answer goes on, others begin a new line."""
    for role, neighbours in groupby(messages, key=lambda one: one.role):
        if role == "tool":
            yield from neighbours
            continue
        run = [*neighbours]
        glue = "" if role == "assistant" else "\n"
        yield replace(
            run[0],
            content=glue.join(one.content for one in run),
            reasoning="".join(one.reasoning or "" for one in run) or None,
            tool_calls=tuple(call for one in run for call in one.tool_calls),
            images=tuple(image for one in run for image in one.images),
        )


def _misplaced(block: Block, place: str, role: str) -> BadRequest:
    kind = type(block).__struct_config__.tag
    return BadRequest(f"'{place}': a message of the {role} can have no '{kind}'.", place)
