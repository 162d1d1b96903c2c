"""One request inside the engine thread: its sampler, its text, its clock, and its way out."""

from __future__ import annotations

import logging
import time

from llamapack_runtime.engine.backend import Backend, Sampler
from llamapack_runtime.engine.speculate import NgramSpeculator
from llamapack_runtime.engine.text import TextStream
from llamapack_runtime.engine.types import (
    Emit,
    Event,
    Failed,
    Finished,
    FinishReason,
    Request,
    TextDelta,
)

logger = logging.getLogger(__name__)


class Job:
    """Ends with `finish` or `fail`, once. With `speculates` it guesses what comes next."""

    def __init__(
        self, request: Request, emit: Emit, backend: Backend, *, speculates: bool = False
    ) -> None:
        self.request = request
        self.n_generated = 0
        self.cached_tokens = 0
        self.draft_tokens = 0
        self.accepted_tokens = 0
        self.speculator: NgramSpeculator | None = None
        self._speculates = speculates
        self._emit = emit
        self._backend = backend
        self._text = TextStream(request.stop)
        self._sampler: Sampler | None = None
        self._started_s: float | None = None
        self._first_token_s: float | None = None

    def start(self, now_s: float) -> None:
        """The first step with this request begins."""
        if self._started_s is None:
            self._started_s = now_s

    def sample(self, row: int) -> int:
        if self._sampler is None:
            self._sampler = self._backend.create_sampler(
                self.request.sampling, self.request.prompt_tokens
            )
            if self._speculates:
                self.speculator = NgramSpeculator(self.request.prompt_tokens)
        token = self._sampler.sample(row)
        self.n_generated += 1
        if self.speculator is not None:
            self.speculator.extend(token)
        if self._first_token_s is None:
            self._first_token_s = time.perf_counter()
        return token

    def show(self, token: int) -> FinishReason | None:
        """Send the text that `token` makes certain. "stop" if the text ends with it."""
        if self._backend.is_end(token):
            return "stop"
        self._send_text(self._text.push(self._backend.piece(token)))
        return "stop" if self._text.stop_sequence is not None else None

    def finish(self, reason: FinishReason) -> None:
        self._send_text(self._text.finish())
        now_s = time.perf_counter()
        started_s = now_s if self._started_s is None else self._started_s
        first_s = now_s if self._first_token_s is None else self._first_token_s
        self._end(
            Finished(
                reason=reason,
                prompt_tokens=len(self.request.prompt_tokens),
                cached_tokens=min(self.cached_tokens, len(self.request.prompt_tokens)),
                completion_tokens=self.n_generated,
                prompt_s=first_s - started_s,
                completion_s=now_s - first_s,
                stop_sequence=self._text.stop_sequence,
                draft_tokens=self.draft_tokens,
                accepted_tokens=self.accepted_tokens,
            )
        )

    def fail(self, failure: Failed) -> None:
        self._end(failure)

    def send(self, event: Event) -> None:
        try:
            self._emit(event)
        except Exception:
            # The contract forbids it; one caller's mistake must not end the others' requests.
            logger.exception("A caller's emit raised for request %s.", self.request.request_id)

    def _send_text(self, text: str) -> None:
        if text:
            self.send(TextDelta(text, self.n_generated))

    def _end(self, event: Finished | Failed) -> None:
        if self._sampler is not None:
            self._sampler.close()
        self.send(event)
