"""The items that an answer becomes, one after the other, and the events that tell of each.

Each kind of item is opened, goes on by pieces of text, and is closed. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

from llamapack_runtime.api.openai.responses.items import new_id
from llamapack_runtime.chat.parts import CallBegins

Json = dict[str, Any]
# The type of an event after "response.", and its fields besides output_index and item_id.
Event = tuple[str, Json]


class Item(Protocol):
    """Each method gives the events of its step. `item` is complete once it is closed."""

    item: Json

    def opened(self) -> Iterator[Event]: ...

    def said(self, text: str, logprobs: list[Json]) -> Iterator[Event]: ...

    def closed(self) -> Iterator[Event]: ...


class MessageItem:
    def __init__(self) -> None:
        self.item: Json = _head("message") | {"role": "assistant", "content": []}
        self._part = {"type": "output_text", "text": "", "annotations": [], "logprobs": []}
        self._texts: list[str] = []
        self._logprobs: list[Json] = []

    def opened(self) -> Iterator[Event]:
        yield "content_part.added", {"content_index": 0, "part": self._part}

    def said(self, text: str, logprobs: list[Json]) -> Iterator[Event]:
        self._texts.append(text)
        self._logprobs += logprobs
        fields = {"content_index": 0, "delta": text, "logprobs": logprobs}
        yield "output_text.delta", fields

    def closed(self) -> Iterator[Event]:
        text = "".join(self._texts)
        part = self._part | {"text": text, "logprobs": self._logprobs}
        self.item = self.item | {"content": [part]}
        fields = {"content_index": 0, "text": text, "logprobs": self._logprobs}
        yield "output_text.done", fields
        yield "content_part.done", {"content_index": 0, "part": part}


class ReasoningItem:
    """The reasoning as it is."""

    def __init__(self) -> None:
        self.item: Json = _head("reasoning") | {"summary": [], "content": []}
        self._texts: list[str] = []

    def opened(self) -> Iterator[Event]:
        part = {"type": "reasoning_text", "text": ""}
        yield "content_part.added", {"content_index": 0, "part": part}

    def said(self, text: str, _logprobs: list[Json]) -> Iterator[Event]:
        self._texts.append(text)
        yield "reasoning_text.delta", {"content_index": 0, "delta": text}

    def closed(self) -> Iterator[Event]:
        text = "".join(self._texts)
        part = {"type": "reasoning_text", "text": text}
        self.item = self.item | {"content": [part]}
        yield "reasoning_text.done", {"content_index": 0, "text": text}
        yield "content_part.done", {"content_index": 0, "part": part}


class SummaryItem:
    """The reasoning, told where clients that asked for a summary look for it."""

    def __init__(self) -> None:
        self.item: Json = _head("reasoning") | {"summary": [], "content": []}
        self._texts: list[str] = []

    def opened(self) -> Iterator[Event]:
        part = {"type": "summary_text", "text": ""}
        yield "reasoning_summary_part.added", {"summary_index": 0, "part": part}

    def said(self, text: str, _logprobs: list[Json]) -> Iterator[Event]:
        self._texts.append(text)
        yield "reasoning_summary_text.delta", {"summary_index": 0, "delta": text}

    def closed(self) -> Iterator[Event]:
        text = "".join(self._texts)
        part = {"type": "summary_text", "text": text}
        self.item = self.item | {"summary": [part]}
        yield "reasoning_summary_text.done", {"summary_index": 0, "text": text}
        yield "reasoning_summary_part.done", {"summary_index": 0, "part": part}


class CallItem:
    def __init__(self, call: CallBegins) -> None:
        fields = {"call_id": call.id, "name": call.name, "arguments": ""}
        self.item: Json = _head("function_call") | fields
        self._texts: list[str] = []

    def opened(self) -> Iterator[Event]:
        return iter(())

    def said(self, text: str, _logprobs: list[Json]) -> Iterator[Event]:
        self._texts.append(text)
        yield "function_call_arguments.delta", {"delta": text}

    def closed(self) -> Iterator[Event]:
        self.item = self.item | {"arguments": "".join(self._texts)}
        fields = {"name": self.item["name"], "arguments": self.item["arguments"]}
        yield "function_call_arguments.done", fields


def _head(kind: str) -> Json:
    return {"id": new_id(kind), "type": kind, "status": "in_progress"}
