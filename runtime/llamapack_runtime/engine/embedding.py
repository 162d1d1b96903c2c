"""The embedder's thread: receive, batch, compute, emit. It leaves the processor to chats that run
beside it. Knows nothing of text or HTTP."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from llamapack_runtime.engine.embed_backend import Pooled
from llamapack_runtime.engine.embed_batches import Batches, Piece
from llamapack_runtime.engine.embed_types import Embedded, EmbedEmit, EmbedRequest, Pooling
from llamapack_runtime.engine.errors import DecodeError, EngineError
from llamapack_runtime.engine.inbox import Abort, Close
from llamapack_runtime.engine.refusals import SHUTTING_DOWN, too_busy
from llamapack_runtime.engine.types import Failed

logger = logging.getLogger(__name__)

MAX_WAITING = 64
# Inputs are computed together up to this: more tokens at once are hardly faster, and attention
# between all of them costs more.
_USUAL_BATCH = 512
# While a chat runs: when it ends, the rest is computed with all threads.
_POLITE_BATCH = 128
_FAILED = Failed("The embedder failed; see the log.", 500, "engine_error")


@dataclass(frozen=True, slots=True)
class _Submit:
    request: EmbedRequest
    emit: EmbedEmit


@dataclass(slots=True)
class _Job:
    emit: EmbedEmit
    compute_s: float = 0.0


class Embedder:
    """`open_context` is called for the first request, on the embedder's thread; what it gives is
    closed here. `is_chat_busy` (from any thread): a chat runs on the same processors; None where
    there are no chats. At most `max_waiting` requests are under way."""

    def __init__(
        self,
        open_context: Callable[[], Pooled],
        pooling: Pooling,
        *,
        is_chat_busy: Callable[[], bool] | None = None,
        max_waiting: int = MAX_WAITING,
    ) -> None:
        self._open_context = open_context
        self._pooling: Pooling = pooling
        self._is_chat_busy = is_chat_busy
        self._max_waiting = max_waiting
        self._context: Pooled | None = None
        self._batches: Batches | None = None
        self._jobs: dict[str, _Job] = {}
        self._inbox: queue.SimpleQueue[_Submit | Abort | Close] = queue.SimpleQueue()
        # Guards what other threads see, too: the two below and _context.
        self._lock = threading.Lock()
        self._n_under_way = 0
        self._is_closed = False
        self._thread = threading.Thread(target=self._run, name="embedder", daemon=True)
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

    def submit(self, request: EmbedRequest, emit: EmbedEmit) -> None:
        """From any thread; returns at once. `emit` gets the end on the embedder's thread (on this
        one if it is closed or too busy); nothing after an abort."""
        with self._lock:
            refusal = self._refusal()
            if refusal is None:
                self._n_under_way += 1
                self._inbox.put(_Submit(request, emit))
        if refusal is not None:
            emit(refusal)

    def abort(self, request_id: str) -> None:
        """From any thread: the rest of the request is not computed."""
        self._inbox.put(Abort(request_id))

    def close(self, timeout_s: float = 5.0) -> None:
        """End all requests with Failed, stop the thread and close the context. May be called
        twice. After `timeout_s` it returns even if a step has not yet come to its end."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._inbox.put(Close())
                if self._context is not None:
                    self._context.interrupt()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            logger.error("The embedder did not stop within %.1f s.", timeout_s)

    def _refusal(self) -> Failed | None:
        if self._is_closed:
            return SHUTTING_DOWN
        if self._n_under_way < self._max_waiting:
            return None
        return too_busy(self._n_under_way, 1)

    # ---- the embedder's thread ----

    def _run(self) -> None:
        try:
            while self._receive():
                self._try_step()
        finally:
            self._fail_all(SHUTTING_DOWN)
            if self._context is not None:
                self._context.close()

    def _receive(self) -> bool:
        """Take in all messages, waiting for one when there is nothing to do. False: close."""
        while True:
            try:
                message = self._inbox.get(block=not self._jobs)
            except queue.Empty:
                return True
            match message:
                case _Submit(request, emit):
                    self._accept(request, emit)
                case Abort(request_id):
                    self._forget(request_id)
                case Close():
                    return False

    def _accept(self, request: EmbedRequest, emit: EmbedEmit) -> None:
        try:
            batches = self._open()
        except EngineError as error:
            self._end_one()
            emit(Failed(str(error), 503, "embeddings_unavailable"))
            return
        except Exception:
            # As in _try_step.
            logger.exception("The embedder could not start.")
            self._end_one()
            emit(_FAILED)
            return
        self._jobs[request.request_id] = _Job(emit)
        batches.add(request)

    def _open(self) -> Batches:
        """EngineError when there is no context to be had; the next request tries again."""
        if self._batches is None:
            context = self._open_context()
            self._batches = Batches(
                self._pooling, n_sequences=context.n_sequences, can_split=context.can_split
            )
            with self._lock:
                self._context = context
                if self._is_closed:  # `close` came while it was opened
                    context.interrupt()
        return self._batches

    def _try_step(self) -> None:
        context, batches = self._context, self._batches
        if context is None or batches is None or not self._jobs:
            return
        try:
            self._step(context, batches)
        except Exception:
            # Nothing may end this thread; whoever waits is told.
            logger.exception("The embedder failed.")
            self._fail_all(_FAILED)

    def _step(self, context: Pooled, batches: Batches) -> None:
        is_polite = self._is_chat_busy is not None and self._is_chat_busy()
        limit = min(context.n_batch, _POLITE_BATCH if is_polite else _USUAL_BATCH)
        pieces = batches.next(limit)
        started = time.perf_counter()
        if pieces[0].start == 0:
            context.forget()
        try:
            rows = context.compute(pieces, is_polite=is_polite)
        except DecodeError as error:
            logger.exception("An embedding could not be computed.")
            self._fail(_requests_in(pieces), Failed(str(error), 500, "embedding_failed"))
            return
        if rows is None:  # `close` has interrupted it
            return
        self._note_time(pieces, time.perf_counter() - started)
        for request_id, found in batches.complete(pieces, rows):
            job = self._jobs.pop(request_id)
            self._end_one()
            job.emit(Embedded(tuple(found), job.compute_s))

    def _note_time(self, pieces: list[Piece], seconds: float) -> None:
        for request_id in _requests_in(pieces):
            self._jobs[request_id].compute_s += seconds

    def _forget(self, request_id: str) -> None:
        if self._jobs.pop(request_id, None) is not None:
            self._end_one()
            if self._batches is not None:
                self._batches.remove(request_id)

    def _end_one(self) -> None:
        with self._lock:
            self._n_under_way -= 1

    def _fail_all(self, failure: Failed) -> None:
        self._fail(list(self._jobs), failure)

    def _fail(self, request_ids: Iterable[str], failure: Failed) -> None:
        for request_id in request_ids:
            job = self._jobs[request_id]
            self._forget(request_id)
            job.emit(failure)


def _requests_in(pieces: Iterable[Piece]) -> set[str]:
    return {piece.request_id for piece in pieces}
