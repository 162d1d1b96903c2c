"""From Ollama's messages to the chat core's.

Ollama names the tool of a result where others give the call's identifier, so each call gets one
here, and each result that of the call it belongs to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count
from typing import Any

import msgspec

from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.api.ollama.requests import ChatMessage, ToolCallMade
from llamapack_runtime.api.pictures import image_of_base64, image_of_url
from llamapack_runtime.chat.types import Image, Message, ToolCall

ROLES = ("system", "developer", "user", "assistant", "tool")


def to_messages(messages: Sequence[ChatMessage]) -> tuple[Message, ...]:
    """BadRequest that names the message."""
    return tuple(_Conversation().read(messages))


def continues_last(messages: Sequence[Message]) -> bool:
    """Whether the answer goes on where an assistant's message ends."""
    return messages[-1].role == "assistant" and not messages[-1].tool_calls


def to_images(given: Sequence[Any] | None, place: str) -> tuple[Image, ...]:
    """In base64, or as data: URLs, which some clients send."""
    return tuple(_to_image(one, f"{place}[{index}]") for index, one in enumerate(given or ()))


def _to_image(given: object, place: str) -> Image:
    is_url = isinstance(given, str) and given.startswith(("data:", "http:", "https:"))
    return image_of_url(given, place) if is_url else image_of_base64(given, place)


def with_marks(images: Sequence[Image], text: str) -> str:
    """Images stand before the words, as Ollama puts them."""
    return "".join(image.mark for image in images) + text


class _Conversation:
    """`open_calls`: those that no result has come for."""

    def __init__(self) -> None:
        # Nine letters and digits: the templates of some models refuse other identifiers.
        self._ids = (f"call{number:05d}" for number in count())
        self._open_calls: list[ToolCall] = []

    def read(self, messages: Sequence[ChatMessage]) -> Iterator[Message]:
        for index, message in enumerate(messages):
            yield self._read(message, f"messages[{index}]")

    def _read(self, message: ChatMessage, place: str) -> Message:
        role = message.role.lower()
        if role not in ROLES:
            words = f"must be one of {', '.join(ROLES)}, not '{message.role[:100]}'."
            raise BadRequest(f"'{place}.role' {words}", f"{place}.role")
        _check_role_has("assistant", role, "tool_calls", message.tool_calls, place)
        _check_role_has("assistant", role, "thinking", message.thinking, place)
        _check_role_has("tool", role, "tool_name", message.tool_name, place)
        _check_role_has("tool", role, "tool_call_id", message.tool_call_id, place)
        images = to_images(message.images, f"{place}.images")
        content = with_marks(images, message.content or "")
        if role == "tool":
            return self._result(message, content, images)
        calls = tuple(map(self._call, message.tool_calls or ()))
        if role == "assistant":
            self._open_calls = list(calls)
        return Message(
            role, content, reasoning=message.thinking or None, tool_calls=calls, images=images
        )

    def _call(self, made: ToolCallMade) -> ToolCall:
        arguments = msgspec.json.encode(made.function.arguments).decode()
        return ToolCall(made.id or next(self._ids), made.function.name, arguments)

    def _result(self, message: ChatMessage, content: str, images: tuple[Image, ...]) -> Message:
        call = self._answered(message)
        name = message.tool_name or (call.name if call else None)
        call_id = message.tool_call_id or (call.id if call else None)
        return Message("tool", content, name, tool_call_id=call_id, images=images)

    def _answered(self, message: ChatMessage) -> ToolCall | None:
        """The call that a result belongs to: by its identifier, else the first of the tool's name,
        else the first."""
        for call in self._open_calls:
            if message.tool_call_id not in (None, call.id):
                continue
            if message.tool_call_id is None and message.tool_name not in (None, "", call.name):
                continue
            self._open_calls.remove(call)
            return call
        return None


def _check_role_has(owner: str, role: str, name: str, value: object, place: str) -> None:
    if value and role != owner:
        message = f"'{place}.{name}' belongs to messages with the role '{owner}', not '{role}'."
        raise BadRequest(message, f"{place}.{name}")
