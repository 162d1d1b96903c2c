"""The event stream of a response, each event with its number."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from llamapack_runtime.api.answer import ChoiceEvent, Ended, Said
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.openai.logprobs import token_logprobs
from llamapack_runtime.api.openai.responses.envelope import Envelope
from llamapack_runtime.api.openai.responses.output import (
    CallItem,
    Event,
    Item,
    Json,
    MessageItem,
    ReasoningItem,
    SummaryItem,
)
from llamapack_runtime.api.sse import KEEP_ALIVE, named_frame, queued
from llamapack_runtime.chat.parts import CallArguments, CallBegins, Content, Part, Reasoning
from llamapack_runtime.engine.types import Queued, SampledToken

_Kind = type[MessageItem] | type[ReasoningItem] | type[SummaryItem]


class ResponseStream:
    """`final` is the response once it has ended, `failure` why it has not."""

    keep_alive = KEEP_ALIVE

    def __init__(self, envelope: Envelope) -> None:
        self.final: Json | None = None
        self.failure: ApiError | None = None
        self._envelope = envelope
        self._has_logprobs = envelope.request.n_probs_asked is not None
        self._reasoning: _Kind = SummaryItem if envelope.request.has_summary else ReasoningItem
        self._number = 0
        self._output: list[Json] = []
        self._open: Item | None = None
        self._tokens: list[SampledToken] = []  # whose text has not come yet

    def opening(self, _choices: range) -> bytes:
        response = self._envelope.in_progress()
        return b"".join(
            self._event(name, {"response": response}) for name in ("created", "in_progress")
        )

    def event(self, one: ChoiceEvent) -> bytes:
        match one.event:
            case Said(parts=parts, tokens=tokens):
                self._tokens += tokens if self._has_logprobs else ()
                return self._parts(parts)
            case Ended() as end:
                done = self._close("incomplete" if end.reason == "length" else "completed")
                self.final = self._envelope.ended(self._output, end)
                return done
            case Queued(position):
                return queued(position)
        return b""

    def closing(self, _ends: Mapping[int, Ended]) -> bytes:
        assert self.final is not None, "the choice has ended"
        return self._event(self.final["status"], {"response": self.final})

    def error(self, error: ApiError) -> bytes:
        self.failure = error
        done = self._close("incomplete")
        response = self._envelope.failed(self._output, error)
        return done + self._event("failed", {"response": response})

    def _parts(self, parts: Sequence[Part]) -> bytes:
        """The tokens go with the last words: what came in one piece with them is shown, too."""
        words = [i for i, part in enumerate(parts) if isinstance(part, Content)]
        frames = []
        for i, part in enumerate(parts):
            logprobs = token_logprobs(self._tokens) if words and i == words[-1] else []
            frames.append(self._part(part, logprobs))
        if parts:
            self._tokens.clear()
        return b"".join(frames)

    def _part(self, part: Part, logprobs: list[Json]) -> bytes:
        match part:
            case Content(text):
                return self._ensure(MessageItem) + self._say(text, logprobs)
            case Reasoning(text):
                return self._ensure(self._reasoning) + self._say(text)
            case CallBegins():
                return self._close() + self._begin(CallItem(part))
            case CallArguments(text=text):
                return self._say(text)

    def _ensure(self, kind: _Kind) -> bytes:
        """An open item of the kind."""
        if isinstance(self._open, kind):
            return b""
        return self._close() + self._begin(kind())

    def _begin(self, item: Item) -> bytes:
        self._open = item
        added = self._event("output_item.added", self._place() | {"item": item.item})
        return added + self._events([*item.opened()])

    def _say(self, text: str, logprobs: Sequence[Json] = ()) -> bytes:
        assert self._open is not None, "a part belongs to an item"
        return self._events([*self._open.said(text, [*logprobs])])

    def _close(self, status: str = "completed") -> bytes:
        if self._open is None:
            return b""
        done = self._events([*self._open.closed()])
        item = self._open.item | {"status": status}
        done += self._event("output_item.done", self._place() | {"item": item})
        self._output.append(item)
        self._open = None
        return done

    def _events(self, events: Sequence[Event]) -> bytes:
        assert self._open is not None, "events tell of the open item"
        place = self._place() | {"item_id": self._open.item["id"]}
        return b"".join(self._event(name, place | fields) for name, fields in events)

    def _place(self) -> Json:
        return {"output_index": len(self._output)}

    def _event(self, name: str, fields: Json) -> bytes:
        kind = f"response.{name}"
        data = {"type": kind, "sequence_number": self._number, **fields}
        self._number += 1
        return named_frame(kind, data)
