"""From OpenAI's messages to the chat core's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from llamapack_runtime.api.errors import BadRequest, TextOnly
from llamapack_runtime.api.openai.requests import ChatMessage, FunctionCall
from llamapack_runtime.api.pictures import image_of_url
from llamapack_runtime.chat.types import Image, Message, ToolCall

# "function" answered calls before "tool" did.
ROLES = ("system", "developer", "user", "assistant", "tool", "function")
_MODALITIES = {
    "input_audio": "sound",
    "input_video": "video",
    "video_url": "video",
    "file": "files",
    "input_file": "files",
}
# Chat has the URL in an object, the responses as it is.
_IMAGES = ("image_url", "input_image")
# The parts of a message that are text, and where they have it. The responses' names, too.
_TEXTS = {
    "text": "text",
    "input_text": "text",
    "output_text": "text",
    "refusal": "refusal",
}


def to_messages(messages: Sequence[ChatMessage]) -> list[Message]:
    """BadRequest that names the message, 501 for a modality that the model does not have."""
    if not messages:
        raise BadRequest("'messages' is empty; send at least one message.", "messages")
    return [_to_message(message, f"messages[{i}]") for i, message in enumerate(messages)]


def content_of(content: str | Sequence[Any], place: str) -> tuple[str, tuple[Image, ...]]:
    """The text of a message, which may be in parts, with the marks of the images in it."""
    if isinstance(content, str):
        return content, ()
    parts = [_part_of(part, f"{place}[{i}]") for i, part in enumerate(content)]
    text = "".join(part if isinstance(part, str) else part.mark for part in parts)
    return text, tuple(part for part in parts if isinstance(part, Image))


def check_role(role: str, place: str, roles: Sequence[str] = ROLES) -> None:
    if role not in roles:
        raise BadRequest(
            f"'{place}.role' must be one of {', '.join(roles)}, not '{role[:100]}'.",
            f"{place}.role",
        )


def _to_message(message: ChatMessage, place: str) -> Message:
    check_role(message.role, place)
    if message.audio is not None:
        raise TextOnly("sound", f"{place}.audio")
    is_call = message.role == "assistant"
    for name in ("tool_calls", "function_call"):
        if getattr(message, name) and not is_call:
            param = f"{place}.{name}"
            raise BadRequest(f"'{param}' belongs to messages of the assistant.", param)
    is_result = message.role in ("tool", "function")
    content, images = _content(message, f"{place}.content")
    return Message(
        role="tool" if is_result else message.role,
        content=content,
        name=message.name,
        reasoning=(message.reasoning_content or message.reasoning) if is_call else None,
        tool_calls=_tool_calls(message),
        tool_call_id=_answered_call(message) if is_result else None,
        images=images,
    )


def _content(message: ChatMessage, place: str) -> tuple[str, tuple[Image, ...]]:
    if message.content is not None:
        return content_of(message.content, place)
    if message.role == "assistant":
        return message.refusal or "", ()
    raise BadRequest(f"'{place}' must be a text or a list of parts.", place)


def _tool_calls(message: ChatMessage) -> tuple[ToolCall, ...]:
    if message.tool_calls:
        return tuple(_tool_call(call.id or "", call.function) for call in message.tool_calls)
    if message.function_call is None:
        return ()
    return (_tool_call(_legacy_id(message.function_call.name), message.function_call),)


def _tool_call(call_id: str, function: FunctionCall) -> ToolCall:
    arguments = function.arguments
    if not isinstance(arguments, str):
        arguments = msgspec.json.encode(arguments).decode()
    return ToolCall(call_id, function.name, arguments)


def _answered_call(message: ChatMessage) -> str | None:
    if message.role == "function" and message.name:
        return _legacy_id(message.name)
    return message.tool_call_id


def _legacy_id(name: str) -> str:
    """Function calls had no id: the name tells what an answer belongs to."""
    return f"call_{name}"


def _part_of(part: Any, place: str) -> str | Image:
    kind = part.get("type") if isinstance(part, dict) else None
    if isinstance(kind, str) and kind in _IMAGES:
        given = part.get("image_url")
        return image_of_url(given.get("url") if isinstance(given, dict) else given, place)
    if isinstance(kind, str) and kind in _MODALITIES:
        raise TextOnly(_MODALITIES[kind], place)
    text = part.get(_TEXTS[kind]) if isinstance(kind, str) and kind in _TEXTS else None
    if not isinstance(text, str):
        raise BadRequest(f'\'{place}\' must be {{"type": "text", "text": ...}}.', place)
    return text
