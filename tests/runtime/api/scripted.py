"""A session whose engine says what the test tells it to."""

from __future__ import annotations

from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.types import Emit, Request


class ScriptedSession(Session):
    """Remembers what was submitted, with the way to answer it, and what was aborted."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Request, Emit]] = []
        self.aborted: list[str] = []

    def submit(self, request: Request, emit: Emit) -> None:
        self.submitted.append((request, emit))

    def abort(self, request_id: str) -> None:
        self.aborted.append(request_id)
