"""The event stream of a message: blocks that open, grow and close, one after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from llamapack_runtime.api.answer import ChoiceEvent, Ended, Said
from llamapack_runtime.api.anthropic.errors import as_dict
from llamapack_runtime.api.anthropic.replies import Json, Reply, Signature, usage
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.sse import named_frame
from llamapack_runtime.chat.parts import CallArguments, CallBegins, Content, Part, Reasoning


def _frame(value: Json) -> bytes:
    """One event, whose name is its data's type."""
    return named_frame(str(value["type"]), value)


class BlockStream:
    keep_alive = _frame({"type": "ping"})

    def __init__(self, reply: Reply, request_id: str, n_prompt: int) -> None:
        self._reply = reply
        self._request_id = request_id
        self._n_prompt = n_prompt
        self._index = -1  # of the latest block
        self._kind: str | None = None  # of the open one
        self._signature = Signature()

    def opening(self, choices: range) -> bytes:  # noqa: ARG002 - one, always
        message = self._reply.opening(self._n_prompt)
        return _frame({"type": "message_start", "message": message})

    def event(self, one: ChoiceEvent) -> bytes:
        match one.event:
            case Said(parts=parts):
                events = [event for part in parts for event in self._part(part)]
            case Ended():
                events = [*self._close()]
            case _:
                events = []
        return b"".join(map(_frame, events))

    def closing(self, ends: Mapping[int, Ended]) -> bytes:
        end = ends[0]
        ending = self._reply.ending(end)
        delta: Json = {"type": "message_delta", "delta": ending, "usage": usage(end)}
        return _frame(delta) + _frame({"type": "message_stop"})

    def error(self, error: ApiError) -> bytes:
        return _frame(as_dict(error, self._request_id))

    def _part(self, part: Part) -> Iterator[Json]:
        match part:
            case Content(text):
                if self._kind != "text":
                    yield from self._open({"type": "text", "text": ""})
                yield self._delta({"type": "text_delta", "text": text})
            case Reasoning(text):
                yield from self._thinking(text)
            case CallBegins(id=call_id, name=name):
                block: Json = {"type": "tool_use", "id": call_id, "name": name, "input": {}}
                yield from self._open(block)
            case CallArguments(text=text):
                assert self._kind == "tool_use", "arguments follow their call"
                yield self._delta({"type": "input_json_delta", "partial_json": text})

    def _thinking(self, text: str) -> Iterator[Json]:
        if self._kind != "thinking":
            self._signature = Signature()
            yield from self._open({"type": "thinking", "thinking": "", "signature": ""})
        self._signature.add(text)
        if not self._reply.omits_thinking:
            yield self._delta({"type": "thinking_delta", "thinking": text})

    def _open(self, block: Json) -> Iterator[Json]:
        yield from self._close()
        self._index += 1
        kind = block["type"]
        assert isinstance(kind, str), "every block has a type"
        self._kind = kind
        yield {"type": "content_block_start", "index": self._index, "content_block": block}

    def _close(self) -> Iterator[Json]:
        if self._kind is None:
            return
        if self._kind == "thinking":
            yield self._delta({"type": "signature_delta", "signature": self._signature.text})
        self._kind = None
        yield {"type": "content_block_stop", "index": self._index}

    def _delta(self, delta: Json) -> Json:
        return {"type": "content_block_delta", "index": self._index, "delta": delta}
