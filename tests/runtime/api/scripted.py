"""A session whose engine says what the test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.types import Emit, Event, Request


class ScriptedSession(Session):
    """Says `events` to every request, at once; or what `by_turn` gives for its number, from 0.
    Remembers what was submitted, with the way to say more, and what was aborted."""

    def __init__(self, *events: Event, by_turn: Callable[[int], Iterable[Event]] | None = None):
        self.submitted: list[tuple[Request, Emit]] = []
        self.aborted: list[str] = []
        self._events = by_turn or (lambda _: events)

    def submit(self, request: Request, emit: Emit) -> None:
        turn = len(self.submitted)
        self.submitted.append((request, emit))
        for event in self._events(turn):
            emit(event)

    def abort(self, request_id: str) -> None:
        self.aborted.append(request_id)
