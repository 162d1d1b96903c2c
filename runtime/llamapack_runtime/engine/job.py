"""One request inside the engine thread: its sampler, its text, its clock, and its way out."""

from __future__ import annotations

import logging
import time

from llamapack_runtime.engine.backend import Backend, Sampler
from llamapack_runtime.engine.reasoning import ReasoningGuard
from llamapack_runtime.engine.speculate import NgramSpeculator
from llamapack_runtime.engine.text import TextStream
from llamapack_runtime.engine.types import (
    Emit,
    Event,
    Failed,
    Finished,
    FinishReason,
    Request,
    SampledToken,
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
        self._text = TextStream(request.stop, includes_stop=request.includes_stop)
        self._unsent: list[SampledToken] = []
        self._reasoning: ReasoningGuard | None = None
        if request.reasoning_limit is not None:
            self._reasoning = ReasoningGuard(request.reasoning_limit)
        self._sampler: Sampler | None = None
        self._started_s: float | None = None
        self._first_token_s: float | None = None

    def start(self, now_s: float) -> None:
        """The first step with this request begins."""
        if self._started_s is None:
            self._started_s = now_s

    def sample(self, row: int) -> int:
        if self._sampler is None:
            self._sampler = self._backend.create_sampler(self.request)
            if self._speculates:
                self.speculator = NgramSpeculator(self.request.text_tokens)
        sampled = self._next(self._sampler, row)
        token = sampled.token
        self._unsent.append(sampled)
        self.n_generated += 1
        if self.speculator is not None:
            self.speculator.extend(token)
        if self._first_token_s is None:
            self._first_token_s = time.perf_counter()
        return token

    def forced(self) -> tuple[int, ...]:
        """Tokens that will come next, whatever the logits are: guesses that cannot be wrong."""
        if self._reasoning is not None and self._reasoning.forced:
            return tuple(self._reasoning.forced)
        return () if self._sampler is None else tuple(self._sampler.forced())

    def show(self, token: int) -> FinishReason | None:
        """Send the text that `token` makes certain. "stop" if the text ends with it."""
        if self._backend.is_end(token) or self._is_stop(token):
            self._unsent.pop()  # it is not a part of the answer
            return "stop"
        piece = self._piece(token)
        if self._reasoning is not None:
            self._reasoning.see(piece)
        self._send_text(self._text.push(piece))
        is_over = self._sampler is not None and self._sampler.is_over
        return "stop" if is_over or self._text.stop_sequence is not None else None

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

    def _next(self, sampler: Sampler, row: int) -> SampledToken:
        if self._reasoning is not None and self._reasoning.forced:
            return sampler.force(self._reasoning.forced.pop(0))
        return sampler.sample(row)

    def _is_stop(self, token: int) -> bool:
        """One that a grammar forced too early is text."""
        request = self.request
        return token in request.stop_tokens and self.n_generated > request.min_tokens

    def _piece(self, token: int) -> bytes:
        shown = self.request.shown_tokens
        is_named = shown is None or token in shown
        return self._backend.named_piece(token) if is_named else self._backend.piece(token)

    def _send_text(self, text: str) -> None:
        if text:
            tokens, self._unsent = tuple(self._unsent), []
            self.send(TextDelta(text, self.n_generated, tokens))

    def _end(self, event: Finished | Failed) -> None:
        if self._sampler is not None:
            self._sampler.close()
        self.send(event)
