"""A session whose engine says what the test tells it to."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from fakes import ByteTokenizer
from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.types import Emit, Event, Finished, Request


class ScriptedSession(Session):
    """Says `events` to every request, at once; or what `by_turn` gives for its number, from 0.
    Remembers what was submitted, with the way to say more, and what was aborted."""

    def __init__(self, *events: Event, by_turn: Callable[[int], Iterable[Event]] | None = None):
        self.vocabulary = ByteTokenizer()
        self._system_prompt = None
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

    def close(self) -> None:
        """What is under way is aborted, as by the engine."""
        for _, emit in self.submitted:
            emit(Finished("aborted", 0, 0, 0, 0.0, 0.0))
