"""The stream of chat and generate: a JSON object on each line, the measures on the last one."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import msgspec

from llamapack_runtime.api.answer import ChoiceEvent, Ended, Said, WholeChoice
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.ollama.errors import as_dict
from llamapack_runtime.api.ollama.replies import Piece, Reply, complete_calls
from llamapack_runtime.api.sse import EventStream
from llamapack_runtime.chat.parts import CallArguments, CallBegins, Content, Part, Reasoning
from llamapack_runtime.chat.types import ToolCall
from llamapack_runtime.engine.types import SampledToken

_encoder = msgspec.json.Encoder()


def line(value: object) -> bytes:
    return _encoder.encode(value) + b"\n"


class LineResponse(EventStream):
    media_type = "application/x-ndjson"


class LineStream:
    """A call is told when all of its arguments are there, as Ollama does."""

    keep_alive = b""  # clients read every line as a piece of the answer

    def __init__(self, reply: Reply) -> None:
        self._reply = reply
        self._tokens: list[SampledToken] = []
        self._call: CallBegins | None = None
        self._arguments: list[str] = []

    def opening(self, choices: range) -> bytes:  # noqa: ARG002 - one, always
        return b""

    def event(self, one: ChoiceEvent) -> bytes:
        match one.event:
            case Said(parts=parts, tokens=tokens):
                self._tokens += tokens
                return b"".join(self._lines(parts, tokens))
            case Ended():
                return b"".join(self._closed_call())
        return b""

    def closing(self, ends: Mapping[int, Ended]) -> bytes:
        return line(self._reply.last(Piece(), ends[0], self._tokens))

    def error(self, error: ApiError) -> bytes:
        return line(as_dict(error))

    def _lines(self, parts: tuple[Part, ...], tokens: tuple[SampledToken, ...]) -> Iterator[bytes]:
        """The tokens go with the first line that they caused."""
        pieces = [piece for part in parts for piece in self._pieces(part)]
        if not pieces and any(sampled.chosen for sampled in tokens):
            pieces = [Piece()]
        for index, piece in enumerate(pieces):
            yield line(self._reply.line(piece if index else replace(piece, tokens=tokens)))

    def _pieces(self, part: Part) -> Iterator[Piece]:
        if not isinstance(part, CallArguments):
            yield from self._finished_call()
        match part:
            case Content(text):
                yield Piece(text=text)
            case Reasoning(text):
                yield Piece(thinking=text)
            case CallBegins():
                self._call, self._arguments = part, []
            case CallArguments(text=text):
                self._arguments.append(text)

    def _closed_call(self) -> Iterator[bytes]:
        for piece in self._finished_call():
            yield line(self._reply.line(piece))

    def _finished_call(self) -> Iterator[Piece]:
        begun, self._call = self._call, None
        if begun is not None:
            call = ToolCall(begun.id, begun.name, "".join(self._arguments))
            calls = complete_calls([call])
            if calls:
                yield Piece(tool_calls=calls, first_call=begun.index)


def whole_reply(reply: Reply, choice: WholeChoice) -> dict[str, object]:
    piece = Piece(
        choice.content,
        choice.reasoning or "",
        complete_calls(choice.tool_calls),
        tokens=choice.tokens,
    )
    return reply.last(piece, choice.end, choice.tokens)
