"""Ends an answer at a line's end: when its time is over, or when the code leaves its block.

llama-server's `t_max_predict_ms` and `n_indent`, made for editors. The engine knows nothing of
them: its events are watched on their way, and the request is aborted."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from llamapack_runtime.api.answer import Runs
from llamapack_runtime.engine.types import Emit, Event, Finished, Request, TextDelta


@dataclass(frozen=True, slots=True)
class LineLimits:
    """`seconds` after the first text, the next line end is the last one. A later line that is
    indented by less than `indent` blanks is not begun. 0: no limit."""

    seconds: float = 0.0
    indent: int = 0

    @property
    def is_none(self) -> bool:
        return self.seconds <= 0 and self.indent <= 0


class LimitedSession:
    """Runs requests on another session, and ends those that reach a limit as if it were
    `max_tokens`."""

    def __init__(
        self, session: Runs, limits: LineLimits, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._session = session
        self._limits = limits
        self._clock = clock

    def submit(self, request: Request, emit: Emit) -> None:
        def stop() -> None:
            self._session.abort(request.request_id)

        self._session.submit(request, _Watch(self._limits, emit, stop, self._clock))

    def abort(self, request_id: str) -> None:
        self._session.abort(request_id)


class _Watch:
    """The way of one request's events. Used on the engine's thread."""

    def __init__(
        self,
        limits: LineLimits,
        emit: Emit,
        stop: Callable[[], None],
        clock: Callable[[], float],
    ) -> None:
        self._limits = limits
        self._emit = emit
        self._stop = stop
        self._clock = clock
        self._began: float | None = None
        # Blanks at the start of a later line, held back until it is known to be indented enough.
        self._held: str | None = None
        self._is_over = False

    def __call__(self, event: Event) -> None:
        match event:
            case TextDelta() if self._is_over:
                return
            case TextDelta(text=text):
                self._emit(replace(event, text=self._cut(text)))
            case Finished():
                self._finish(event)
            case _:
                self._emit(event)

    def _finish(self, end: Finished) -> None:
        if self._is_over:
            end = replace(end, reason="length", stop_sequence=None)
        elif self._held:
            self._emit(TextDelta(self._held, end.completion_tokens))
        self._emit(end)

    def _cut(self, text: str) -> str:
        """What of `text` may be shown now."""
        now = self._clock()
        if self._began is None:
            self._began = now
        shown = self._indented(text) if self._limits.indent > 0 else text
        if "\n" in shown and 0 < self._limits.seconds < now - self._began:
            self._end()
        return shown

    def _indented(self, text: str) -> str:
        shown: list[str] = []
        for sign in text:
            if self._held is None:
                shown.append(sign)
                self._held = "" if sign == "\n" else None
            elif sign in " \t":
                self._held += sign
            elif sign != "\n" and len(self._held) >= self._limits.indent:
                shown += (self._held, sign)
                self._held = None
            else:  # an empty line, too, as llama-server has it
                self._end()
                break
        return "".join(shown)

    def _end(self) -> None:
        if not self._is_over:
            self._is_over = True
            self._stop()
