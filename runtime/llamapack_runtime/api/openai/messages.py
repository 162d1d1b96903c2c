"""From OpenAI's messages to the chat core's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llamapack_runtime.api.errors import ApiError, BadRequest
from llamapack_runtime.api.openai.requests import ChatMessage
from llamapack_runtime.chat.types import Message

ROLES = ("system", "developer", "user", "assistant")
_MODALITIES = {
    "image_url": "images",
    "input_image": "images",
    "input_audio": "sound",
    "video_url": "video",
    "file": "files",
    "input_file": "files",
}
# Fields that belong to tool calls.
_TOOL_FIELDS = ("tool_calls", "tool_call_id", "function_call")


def to_messages(messages: Sequence[ChatMessage]) -> list[Message]:
    """BadRequest that names the message, 501 for a modality that the model does not have."""
    if not messages:
        raise BadRequest("'messages' is empty; send at least one message.", "messages")
    return [_to_message(message, f"messages[{i}]") for i, message in enumerate(messages)]


def _to_message(message: ChatMessage, place: str) -> Message:
    if message.role not in ROLES:
        raise BadRequest(
            f"'{place}.role' must be one of {', '.join(ROLES)}, not '{message.role[:100]}'.",
            f"{place}.role",
        )
    for name in _TOOL_FIELDS:
        if getattr(message, name):
            raise BadRequest(
                f"'{place}.{name}' is not supported by this program.",
                f"{place}.{name}",
                "unsupported_parameter",
            )
    if message.audio is not None:
        raise _missing_modality("input_audio", f"{place}.audio")
    return Message(message.role, _content(message, f"{place}.content"), message.name)


def _content(message: ChatMessage, place: str) -> str:
    content = message.content
    if isinstance(content, str):
        return content
    if isinstance(content, list):
        return "".join(_text_of(part, f"{place}[{i}]") for i, part in enumerate(content))
    if message.role == "assistant":
        return ""
    raise BadRequest(f"'{place}' must be a text or a list of parts.", place)


def _text_of(part: dict[str, Any], place: str) -> str:
    kind, text = part.get("type"), part.get("text")
    if isinstance(kind, str) and kind in _MODALITIES:
        raise _missing_modality(kind, place)
    if kind != "text" or not isinstance(text, str):
        raise BadRequest(f'\'{place}\' must be {{"type": "text", "text": ...}}.', place)
    return text


def _missing_modality(kind: str, place: str) -> ApiError:
    message = f"'{place}': this model reads text only, no {_MODALITIES[kind]}."
    return ApiError(501, message, "unsupported_modality", place)
