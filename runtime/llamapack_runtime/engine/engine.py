"""The engine thread: receive, schedule, decode, emit. Knows nothing of chat or HTTP."""

from __future__ import annotations

import logging
import queue
import threading
import time
from types import TracebackType
from typing import Self

from llamapack_runtime.engine.backend import Backend
from llamapack_runtime.engine.budget import token_budget
from llamapack_runtime.engine.cost import StepCost
from llamapack_runtime.engine.drafter import Drafter
from llamapack_runtime.engine.errors import DecodeError, EngineError, GrammarError
from llamapack_runtime.engine.guessing import Guesser
from llamapack_runtime.engine.inbox import Abort, Close, Submit
from llamapack_runtime.engine.job import Job
from llamapack_runtime.engine.refusals import SHUTTING_DOWN, bad_request, refuse, too_busy
from llamapack_runtime.engine.scheduler import Scheduler
from llamapack_runtime.engine.states import StateStore
from llamapack_runtime.engine.step import Chunk, Copy, Operation, Restore, Save, Step
from llamapack_runtime.engine.types import (
    Emit,
    EngineStats,
    Failed,
    FinishReason,
    PromptProgress,
    Queued,
    Request,
)

logger = logging.getLogger(__name__)


class Engine:
    """Runs requests on `backend`, which it closes in the end, as it closes `states`. At most
    `n_parallel` run at once (None: as many as the backend has slots) and `max_waiting` queue beyond
    them. `speculates`: tokens are guessed from earlier text where that is faster, and by `drafter`,
    which the engine closes, too."""

    def __init__(
        self,
        backend: Backend,
        *,
        n_parallel: int | None = None,
        max_waiting: int = 64,
        speculates: bool = True,
        shifts_context: bool = False,
        states: StateStore | None = None,
        drafter: Drafter | None = None,
    ) -> None:
        self._backend = backend
        self._speculates = speculates and backend.can_truncate
        self._states = states
        self._scheduler = Scheduler(
            n_ctx=backend.n_ctx,
            n_slots=backend.n_seq_max,
            n_parallel=n_parallel or backend.n_seq_max,
            max_waiting=max_waiting,
            can_truncate=backend.can_truncate,
            saved_tokens=0 if states is None else states.conversation_tokens,
            shifts_context=shifts_context and backend.can_shift,
        )
        for state in states.saved() if states is not None else ():
            residents = self._scheduler.residents
            residents.add_state(state.key, state.tokens, state.adapters, is_kept=True)
        self._cost = StepCost()
        self._guesser = Guesser(self._cost, drafter)
        self._steps = 0
        self._step_seconds = 0.0
        self._draft_tokens = self._accepted_tokens = self._refused = 0
        self._jobs: dict[str, Job] = {}
        self._prompt_tokens = 0
        self._completion_tokens = 0
        self._stats = self._snapshot()
        self._inbox: queue.SimpleQueue[Submit | Abort | Close] = queue.SimpleQueue()
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
                self._inbox.put(Submit(request, emit))
                return
        emit(SHUTTING_DOWN)

    def abort(self, request_id: str) -> None:
        """From any thread: the request ends with Finished("aborted") after the present step. One
        that is unknown or already over is ignored."""
        self._inbox.put(Abort(request_id))

    def stats(self) -> EngineStats:
        """From any thread: how things stood after the last step."""
        return self._stats

    def close(self, timeout_s: float = 5.0) -> None:
        """End all requests with Failed, stop the thread and close the backend. May be called
        twice. After `timeout_s` it returns even if a step has not yet come to its end."""
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                self._inbox.put(Close())
                self._backend.interrupt()
                self._guesser.interrupt()
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
            self._fail_all(SHUTTING_DOWN)
            self._backend.close()
            self._guesser.close()
            if self._states is not None:
                self._states.close()

    def _receive(self) -> bool:
        """Take in all messages, waiting for one when there is nothing to do. False: close."""
        while True:
            try:
                message = self._inbox.get(block=not self._scheduler.has_work)
            except queue.Empty:
                return True
            match message:
                case Submit(request, emit):
                    self._accept(request, emit)
                case Abort(request_id):
                    self._finish(request_id, "aborted")
                case Close():
                    return False
            self._stats = self._snapshot()

    def _accept(self, request: Request, emit: Emit) -> None:
        job = Job(request, emit, self._backend, speculates=self._speculates)
        refusal = self._refusal(request)
        if refusal is not None:
            self._refused += refusal.status == 503
            job.fail(refusal)
            return
        if request.max_tokens == 0 and self._is_ready(request):
            job.finish("length")
            return
        self._jobs[request.request_id] = job
        position = self._scheduler.submit(request)
        if position is not None:
            job.send(Queued(position))

    def _is_ready(self, request: Request) -> bool:
        """Nothing is left to read: a state is saved that only a longer prompt can use."""
        residents = self._scheduler.residents
        tokens, adapters = request.prompt_tokens, request.adapters
        return not residents.can_truncate and residents.is_saved(tokens, adapters)

    def _refusal(self, request: Request) -> Failed | None:
        if request.request_id in self._jobs:
            return bad_request(f"The request id {request.request_id} is already in use.")
        n_ctx, n_vocab = self._scheduler.n_ctx, self._backend.n_vocab
        refusal = refuse(request, self._backend.adapters, n_ctx=n_ctx, n_vocab=n_vocab)
        if refusal is None and self._scheduler.is_full:
            return too_busy(self._scheduler.n_waiting, self._expected_wait_s())
        return refusal

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
        step = self._scheduler.plan(self._token_budget(), self._draft)
        if not self._perform(step.operations) or not step.chunks:
            return
        if self._decode(step):
            self._scheduler.complete(step)
            self._emit_progress(step)
            self._emit_tokens(step)
        if not self._scheduler.has_work:
            self._perform(self._scheduler.residents.take_operations())

    def _token_budget(self) -> int:
        n_generating = self._scheduler.n_generating
        return token_budget(
            self._cost,
            n_batch=self._backend.n_batch,
            n_generating=n_generating,
            n_reading=self._scheduler.n_running - n_generating,
        )

    def _draft(self, request_id: str, n_others: int, room: int) -> tuple[int, ...]:
        job, sequence = self._jobs[request_id], self._scheduler.sequence(request_id)
        return self._guesser.guess(job, sequence, self._scheduler.usual_answer, n_others, room)

    def _perform(self, operations: tuple[Operation, ...]) -> bool:
        """Whether the cache now is as the scheduler believes. After a state that cannot be put
        back, what was to be copied from it is left out; the scheduler sets its books right."""
        is_as_planned = True
        lost: set[int] = set()
        for operation in operations:
            match operation:
                case Restore(slot=slot):
                    if not self._restore(operation):
                        is_as_planned = False
                        lost.add(slot)
                case Copy(source=source, target=target) if source in lost:
                    lost.add(target)
                case Save(slot=slot):
                    if slot not in lost:
                        self._save(operation)
                case _:
                    self._backend.perform(operation)
        return is_as_planned

    def _save(self, save: Save) -> None:
        if self._states is None:
            return
        try:
            data = self._backend.save(save.slot)
        except (EngineError, MemoryError) as error:
            logger.warning("A prompt's state could not be saved: %s", error)
            return
        stored = self._states.put(save.tokens, data, save.adapters, keep=save.keep)
        residents = self._scheduler.residents
        for key in stored.dropped:
            residents.forget_state(key)
        if stored.key is not None:
            residents.add_state(stored.key, save.tokens, save.adapters, is_kept=save.keep)

    def _restore(self, restore: Restore) -> bool:
        data = self._states.get(restore.key) if self._states is not None else None
        if data is not None and self._backend.restore(restore.slot, data):
            return True
        logger.warning("A saved prompt state could not be used; the prompt is read again.")
        self._scheduler.restore_failed(restore.request_id, restore.key)
        return False

    def _decode(self, step: Step) -> bool:
        """Whether the step was computed."""
        started = time.perf_counter()
        for chunk in step.chunks:
            self._jobs[chunk.request_id].start(started)
        try:
            outcome = self._backend.decode(step.chunks, step.adapters)
        except DecodeError as error:
            logger.exception("Decoding failed.")
            for chunk in step.chunks:
                self._fail(chunk.request_id, Failed(str(error), 500, "decode_failed"))
            return False
        if outcome == "no_slot":
            self._scheduler.withdraw(step)
            self._make_room()
        if outcome == "ok":
            self._measure(step, time.perf_counter() - started)
        return outcome == "ok"

    def _measure(self, step: Step, seconds: float) -> None:
        n_prompt = step.n_prompt_tokens
        if not step.begins_turn:  # to change adapters takes time of its own
            self._cost.observe(seconds, n_generating=step.n_tokens - n_prompt, n_prompt=n_prompt)
        self._steps += 1
        self._step_seconds += seconds

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
                job.cached_tokens = self._scheduler.sequence(chunk.request_id).n_found
                done = chunk.start + len(chunk.tokens)
                total = len(job.request.prompt_tokens)
                job.send(PromptProgress(done, total, job.cached_tokens))

    def _emit_tokens(self, step: Step) -> None:
        for chunk, row in step.with_rows():
            if chunk.n_logits and self._jobs[chunk.request_id].request.max_tokens == 0:
                self._finish(chunk.request_id, "length")
            elif chunk.n_logits:
                self._try_emit_chunk(chunk, row)

    def _try_emit_chunk(self, chunk: Chunk, row: int) -> None:
        try:
            self._emit_chunk(chunk, row)
        except GrammarError as error:
            self._fail(chunk.request_id, Failed(str(error), 400, "grammar_error"))
        except Exception:
            # One request's sampling must not end the others.
            logger.exception("Sampling for request %s failed.", chunk.request_id)
            failure = Failed(
                "The next token could not be chosen; see the log.", 500, "engine_error"
            )
            self._fail(chunk.request_id, failure)

    def _emit_chunk(self, chunk: Chunk, row: int) -> None:
        """Sample a token, and another one for each guess that proves right."""
        job = self._jobs[chunk.request_id]
        job.draft_tokens += len(chunk.drafts)
        self._draft_tokens += len(chunk.drafts)
        for guess in (*chunk.drafts, None):
            token = self._emit_token(job, row)
            if token is None or token != guess:
                break
            row += 1
            job.accepted_tokens += 1
            self._accepted_tokens += 1
        self._scheduler.settle(chunk.request_id)

    def _emit_token(self, job: Job, row: int) -> int | None:
        """The token, None if it was the last one."""
        token = job.sample(row)
        self._completion_tokens += 1
        at_limit = self._scheduler.append(job.request.request_id, token)
        reason = job.show(token) or at_limit
        if reason is None:
            return token
        self._finish(job.request.request_id, reason)
        return None

    def _finish(self, request_id: str, reason: FinishReason) -> None:
        job = self._jobs.pop(request_id, None)
        if job is not None:
            self._guesser.leave(request_id)
            self._scheduler.release(request_id)
            self._stats = self._snapshot()  # before the caller hears of it and looks
            job.finish(reason)

    def _fail(self, request_id: str, failure: Failed) -> None:
        job = self._jobs.pop(request_id, None)
        if job is not None:
            self._guesser.leave(request_id)
            self._scheduler.release(request_id, keep=False)  # what a failed step left is unknown
            self._stats = self._snapshot()
            job.fail(failure)

    def _fail_all(self, failure: Failed) -> None:
        for request_id in list(self._jobs):
            self._fail(request_id, failure)

    def _expected_wait_s(self) -> int:
        """Until a place is free: what each running request is likely to need yet, in steps."""
        step_s = self._step_seconds / self._steps if self._steps else 0.0
        return min(60, max(1, round(step_s * self._scheduler.usual_answer)))

    def _snapshot(self) -> EngineStats:
        scheduler, states = self._scheduler, self._states
        return EngineStats(
            slots=scheduler.n_parallel,
            busy=scheduler.n_running,
            waiting=scheduler.n_waiting,
            kv_used=scheduler.kv_used,
            kv_idle=scheduler.kv_used - scheduler.kv_running,
            kv_total=scheduler.n_ctx,
            prompt_tokens=self._prompt_tokens,
            completion_tokens=self._completion_tokens,
            resident_tokens=scheduler.resident_tokens,
            restored_tokens=scheduler.restored_tokens,
            reread_tokens=scheduler.reread_tokens,
            draft_tokens=self._draft_tokens,
            accepted_tokens=self._accepted_tokens,
            paused=scheduler.n_pauses,
            refused=self._refused,
            steps=self._steps,
            step_seconds=self._step_seconds,
            prompt_token_s=self._cost.prompt_token_s(self._backend.n_batch) or 0.0,
            decode_step_s=self._cost.decode_s(1) or 0.0,
            n_threads=self._backend.n_threads,
            states=states.n_saved if states is not None else 0,
            state_bytes=states.ram_used if states is not None else 0,
        )
