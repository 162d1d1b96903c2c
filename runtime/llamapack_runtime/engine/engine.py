"""The engine thread: receive, schedule, decode, emit. Knows nothing of chat or HTTP."""

from __future__ import annotations

import logging
import queue
import threading
import time
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from llamapack_runtime.engine.backend import Backend
from llamapack_runtime.engine.errors import DecodeError
from llamapack_runtime.engine.job import Job
from llamapack_runtime.engine.scheduler import Scheduler
from llamapack_runtime.engine.step import Step
from llamapack_runtime.engine.types import (
    Emit,
    EngineStats,
    Failed,
    FinishReason,
    PromptProgress,
    Request,
)

logger = logging.getLogger(__name__)

# Tokens in a step while somebody watches text appear: prompts go in small parts between tokens.
STREAMING_STEP_TOKENS = 128
MAX_STOP_STRINGS = 64
MAX_STOP_CHARACTERS = 4096

_SHUTTING_DOWN = Failed("The server is shutting down.", 503, "shutting_down")


@dataclass(frozen=True, slots=True)
class _Submit:
    request: Request
    emit: Emit


@dataclass(frozen=True, slots=True)
class _Abort:
    request_id: str


@dataclass(frozen=True, slots=True)
class _Close:
    pass


class Engine:
    """Runs requests on `backend`, which it closes in the end. At most `max_waiting` requests
    queue beyond those that run."""

    def __init__(self, backend: Backend, *, max_waiting: int = 64) -> None:
        self._backend = backend
        self._scheduler = Scheduler(
            n_ctx=backend.n_ctx, n_seq_max=backend.n_seq_max, max_waiting=max_waiting
        )
        self._jobs: dict[str, Job] = {}
        self._prompt_tokens = 0
        self._completion_tokens = 0
        self._stats = self._snapshot()
        self._inbox: queue.SimpleQueue[_Submit | _Abort | _Close] = queue.SimpleQueue()
        self._lock = threading.Lock()  # guards _is_closed against a submit at the same moment
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def submit(self, request: Request, emit: Emit) -> None:
        """From any thread; returns at once. `emit` gets the request's events on the engine thread
        (on this one if the engine is closed), the last of which is Finished or Failed."""
        with self._lock:
            if not self._is_closed:
                self._inbox.put(_Submit(request, emit))
                return
        emit(_SHUTTING_DOWN)

    def abort(self, request_id: str) -> None:
        """From any thread: the request ends with Finished("aborted") after the present step. One
        that is unknown or already over is ignored."""
        self._inbox.put(_Abort(request_id))

    def stats(self) -> EngineStats:
        """From any thread: how things stood after the last step."""
        return self._stats

    def close(self, timeout_s: float = 5.0) -> None:
        """End all requests with Failed, stop the thread and close the backend. May be called
        twice. After `timeout_s` it returns even if a step has not yet come to its end."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._inbox.put(_Close())
                self._backend.interrupt()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            logger.error("The engine did not stop within %.1f s.", timeout_s)

    # ---- the engine thread ----

    def _run(self) -> None:
        try:
            while self._receive():
                self._try_step()
                self._stats = self._snapshot()
        finally:
            self._fail_all(_SHUTTING_DOWN)
            self._backend.close()

    def _receive(self) -> bool:
        """Take in all messages, waiting for one when there is nothing to do. False: close."""
        while True:
            try:
                message = self._inbox.get(block=not self._scheduler.has_work)
            except queue.Empty:
                return True
            match message:
                case _Submit(request, emit):
                    self._accept(request, emit)
                case _Abort(request_id):
                    self._finish(request_id, "aborted")
                case _Close():
                    return False
            self._stats = self._snapshot()

    def _accept(self, request: Request, emit: Emit) -> None:
        job = Job(request, emit, self._backend)
        refusal = self._refusal(request)
        if refusal is not None:
            job.fail(refusal)
        elif request.max_tokens is not None and request.max_tokens <= 0:
            job.finish("length")
        else:
            self._jobs[request.request_id] = job
            self._scheduler.submit(request)

    def _refusal(self, request: Request) -> Failed | None:
        tokens, n_ctx = request.prompt_tokens, self._scheduler.n_ctx
        if request.request_id in self._jobs:
            return _bad_request(f"The request id {request.request_id} is already in use.")
        if not tokens:
            return _bad_request("The prompt is empty; send at least one token of text.")
        if min(tokens) < 0 or max(tokens) >= self._backend.n_vocab:
            return _bad_request(
                f"Prompt tokens must lie between 0 and {self._backend.n_vocab - 1}."
            )
        if len(tokens) > n_ctx:
            return Failed(
                f"The prompt has {len(tokens)} tokens, but the context holds {n_ctx};"
                " shorten it or start with a larger --ctx-size.",
                400,
                "context_length_exceeded",
            )
        if request.sampling.problem is not None:
            return _bad_request(request.sampling.problem)
        if (
            len(request.stop) > MAX_STOP_STRINGS
            or sum(map(len, request.stop)) > MAX_STOP_CHARACTERS
        ):
            return _bad_request(
                f"At most {MAX_STOP_STRINGS} stop strings with {MAX_STOP_CHARACTERS} characters in"
                " all are possible."
            )
        if self._scheduler.is_full:
            return Failed("The server is busy; try again in a moment.", 503, "server_busy")
        return None

    def _try_step(self) -> None:
        if not self._scheduler.has_work:
            return
        try:
            self._step()
        except Exception:
            # Nothing may end this thread; whoever was in the step is told.
            logger.exception("A step of the engine failed.")
            self._fail_all(Failed("The engine failed; see the log.", 500, "engine_error"))

    def _step(self) -> None:
        step = self._scheduler.plan(self._token_budget())
        if self._decode(step):
            self._scheduler.complete(step)
            self._emit_progress(step)
            self._emit_tokens(step)

    def _token_budget(self) -> int:
        n_batch = self._backend.n_batch
        return min(n_batch, STREAMING_STEP_TOKENS) if self._scheduler.is_generating else n_batch

    def _decode(self, step: Step) -> bool:
        """Whether the step was computed."""
        for slot in step.cleared:
            self._backend.remove(slot)
        now = time.perf_counter()
        for chunk in step.chunks:
            self._jobs[chunk.request_id].start(now)
        try:
            outcome = self._backend.decode(step.chunks)
        except DecodeError as error:
            logger.exception("Decoding failed.")
            for chunk in step.chunks:
                self._fail(chunk.request_id, Failed(str(error), 500, "decode_failed"))
            return False
        if outcome == "no_slot":
            self._make_room()
        return outcome == "ok"

    def _make_room(self) -> None:
        """The backend counts cells differently (sliding windows, padding) and has none left."""
        lone = self._scheduler.pause_youngest()
        if lone is not None:
            self._finish(lone, "length")

    def _emit_progress(self, step: Step) -> None:
        for chunk in step.chunks:
            job = self._jobs[chunk.request_id]
            if not job.n_generated:
                self._prompt_tokens += len(chunk.tokens)
                done = chunk.start + len(chunk.tokens)
                job.send(PromptProgress(done, len(job.request.prompt_tokens)))

    def _emit_tokens(self, step: Step) -> None:
        for chunk, row in step.with_rows():
            if chunk.wants_logits:
                self._emit_token(chunk.request_id, row)

    def _emit_token(self, request_id: str, row: int) -> None:
        job = self._jobs[request_id]
        token = job.sample(row)
        self._completion_tokens += 1
        at_limit = self._scheduler.append(request_id, token)
        reason = job.show(token) or at_limit
        if reason is not None:
            self._finish(request_id, reason)

    def _finish(self, request_id: str, reason: FinishReason) -> None:
        job = self._jobs.pop(request_id, None)
        if job is not None:
            self._scheduler.release(request_id)
            self._stats = self._snapshot()  # before the caller hears of it and looks
            job.finish(reason)

    def _fail(self, request_id: str, failure: Failed) -> None:
        job = self._jobs.pop(request_id, None)
        if job is not None:
            self._scheduler.release(request_id)
            self._stats = self._snapshot()
            job.fail(failure)

    def _fail_all(self, failure: Failed) -> None:
        for request_id in list(self._jobs):
            self._fail(request_id, failure)

    def _snapshot(self) -> EngineStats:
        scheduler = self._scheduler
        return EngineStats(
            slots=scheduler.n_seq_max,
            busy=scheduler.n_running,
            waiting=scheduler.n_waiting,
            kv_used=scheduler.kv_used,
            kv_total=scheduler.n_ctx,
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
        )


def _bad_request(message: str) -> Failed:
    return Failed(message, 400, "invalid_request")
