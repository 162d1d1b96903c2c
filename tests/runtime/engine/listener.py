"""Collects the events of requests and lets a test wait for them."""

from __future__ import annotations

import threading

from llamapack_runtime.engine.types import (
    Event,
    Failed,
    Finished,
    PromptProgress,
    SampledToken,
    TextDelta,
)

TIMEOUT_S = 60.0


class Listener:
    """Call it as a request's `emit`. The request's last event must be its only last one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._ended = threading.Event()
        self._first_text = threading.Event()

    def __call__(self, event: Event) -> None:
        assert not self._ended.is_set(), f"{event} came after the end"
        self.events.append(event)
        if isinstance(event, TextDelta):
            self._first_text.set()
        if isinstance(event, (Finished, Failed)):
            self._ended.set()

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.events if isinstance(event, TextDelta))

    @property
    def tokens(self) -> list[SampledToken]:
        deltas = [event for event in self.events if isinstance(event, TextDelta)]
        return [token for delta in deltas for token in delta.tokens]

    @property
    def progress(self) -> list[tuple[int, int]]:
        return [(e.done, e.total) for e in self.events if isinstance(e, PromptProgress)]

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    def end(self) -> Finished | Failed:
        assert self._ended.wait(TIMEOUT_S), f"no end in {TIMEOUT_S} s; so far {self.events[-3:]}"
        last = self.events[-1]
        assert isinstance(last, (Finished, Failed))
        return last

    def finished(self) -> Finished:
        last = self.end()
        assert isinstance(last, Finished), last
        return last

    def failed(self) -> Failed:
        last = self.end()
        assert isinstance(last, Failed), last
        return last

    def wait_for_text(self) -> None:
        assert self._first_text.wait(TIMEOUT_S), "no text came"
