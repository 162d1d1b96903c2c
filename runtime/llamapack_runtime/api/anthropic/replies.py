"""Anthropic's replies: a message and its usage."""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from llamapack_runtime.api.answer import Ended, WholeChoice
from llamapack_runtime.api.calls import arguments_of
from llamapack_runtime.chat.types import ToolCall

Json = dict[str, object]

_REASONS = {"stop": "end_turn", "length": "max_tokens", "tool_calls": "tool_use"}


def _new_id() -> str:
    return f"msg_{secrets.token_hex(12)}"


class Signature:
    """Of a block of thinking. Clients expect one and send it back with the block; here it says
    what the block was and nobody has to believe it, as a client may write any block it likes."""

    def __init__(self) -> None:
        self._hash = hashlib.sha256()

    def add(self, thinking: str) -> None:
        self._hash.update(thinking.encode("utf-8", "surrogatepass"))

    @property
    def text(self) -> str:
        return base64.b64encode(self._hash.digest()).decode()


@dataclass(frozen=True, slots=True)
class Reply:
    """Composes what goes to the client for one request. `stop` are the request's own sequences:
    only of these it is said that one ended the answer."""

    model: str
    stop: Collection[str] = ()
    omits_thinking: bool = False
    reply_id: str = field(default_factory=_new_id)

    def whole(self, choice: WholeChoice) -> Json:
        return (
            self._message(self._blocks(choice))
            | self.ending(choice.end)
            | {"usage": usage(choice.end)}
        )

    def opening(self, n_prompt: int) -> Json:
        """What of the prompt is cached is known at the end."""
        nothing: Json = {"stop_reason": None, "stop_sequence": None}
        return self._message([]) | nothing | {"usage": _usage(n_prompt, 0, 0)}

    def ending(self, end: Ended) -> Json:
        sequence = end.finished.stop_sequence
        if end.reason == "stop" and sequence in self.stop:
            return {"stop_reason": "stop_sequence", "stop_sequence": sequence}
        return {"stop_reason": _REASONS[end.reason], "stop_sequence": None}

    def _message(self, content: Sequence[Json]) -> Json:
        return {
            "id": self.reply_id,
            "type": "message",
            "role": "assistant",
            "model": self.model,
            "content": content,
        }

    def _blocks(self, choice: WholeChoice) -> list[Json]:
        blocks: list[Json] = []
        if choice.reasoning:
            signature = Signature()
            signature.add(choice.reasoning)
            thinking = "" if self.omits_thinking else choice.reasoning
            blocks.append({"type": "thinking", "thinking": thinking, "signature": signature.text})
        if choice.content:
            blocks.append({"type": "text", "text": choice.content})
        return blocks + [block for call in choice.tool_calls for block in _tool_use(call)]


def usage(end: Ended) -> Json:
    finished = end.finished
    read = finished.prompt_tokens - finished.cached_tokens
    counts = _usage(read, finished.cached_tokens, finished.completion_tokens)
    return counts | {"output_tokens_details": {"thinking_tokens": end.reasoning_tokens}}


def _usage(n_read: int, n_cached: int, n_answer: int) -> Json:
    """`input_tokens` are without the cached ones. That what was read is kept costs nothing and is
    not counted."""
    return {
        "input_tokens": n_read,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": n_cached,
        "output_tokens": n_answer,
    }


def _tool_use(call: ToolCall) -> list[Json]:
    """None for a call that the end of the answer has cut off."""
    given = arguments_of(call)
    if given is None:
        return []
    return [{"type": "tool_use", "id": call.id, "name": call.name, "input": given}]
