"""The probe's child: tries the variants one after the other, times those that live, then times the
thread counts of the fastest. It says what it is about to do before it does it, so that its parent
knows which variant killed it. Knows nothing of the choice that is made in the end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TextIO

from llamapack_runtime.hardware.child import end_with_parent
from llamapack_runtime.hardware.errors import HardwareError
from llamapack_runtime.hardware.gemm import GEMM
from llamapack_runtime.hardware.gpu_worker import GPU, run_gpu_worker
from llamapack_runtime.hardware.ledger import Ledger, distance
from llamapack_runtime.hardware.messages import (
    Begun,
    Computed,
    Done,
    Event,
    Failed,
    GemmTimed,
    Kind,
    Scored,
    Timed,
    WorkOrder,
    decode_event,
    encode_event,
)
from llamapack_runtime.hardware.native import (
    N_CTX,
    Libraries,
    Session,
    hold,
    score,
    variant_session,
)
from llamapack_runtime.hardware.sample_file import sample_file
from llamapack_runtime.hardware.sample_model import make_sample_model
from llamapack_runtime.hardware.threads import THREAD_ROUNDS
from llamapack_runtime.hardware.variants import Variant

_PROMPT_TOKENS = 32
_LOGITS = 64
_FINAL_ROUNDS = 3
# Those within this factor of the best are timed again, in turns. Wide: the first trials run while
# the processor still raises its clock.
_FINALIST = 1.6
# Shares of the time after which each part stops.
_TRIAL_SHARE, _FINAL_SHARE, _GEMM_SHARE, _THREADS_SHARE = 0.55, 0.7, 0.8, 0.95
_GEMM_ROUNDS = 5


def run_worker(arguments: Sequence[str]) -> int:
    """Carry out the order in the last argument; the events go to standard output. Returns the exit
    code: 0, or 2 when the order cannot be read. Dies with a signal where a variant does."""
    if arguments[:-1] == [GPU]:
        return run_gpu_worker(arguments[-1])
    try:
        order = WorkOrder.decode(arguments[-1])
    except (ValueError, IndexError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    end_with_parent()
    with sample_file(make_sample_model(order.quantizations), order.scratch_folder) as model_path:
        _Worker(order, model_path, sys.stdout).run()
    return 0


class _Worker:
    def __init__(self, order: WorkOrder, model_path: str, output: TextIO) -> None:
        self._order = order
        self._model_path = model_path
        self._output = output
        self._started = time.perf_counter()
        self._libraries = Libraries(Path(order.library_folder))
        self._variants = {name: Variant(name, Path(path)) for name, path in order.variants}
        self._sessions: dict[str, Session] = {}
        self._ledger = Ledger()
        for line in order.history:
            event = decode_event(line)
            if event is not None:
                self._ledger.apply(event)

    def run(self) -> None:
        for name in self._variants:
            self._guard(name, self._score)
        for name in self._by_score():
            if self._has_time(_TRIAL_SHARE) or not self._ledger.survivors():
                self._guard(name, self._try)
        self._time_finalists()
        if self._order.gemm:
            self._guard(GEMM, self._try_gemm)
        self._time_threads()
        self._tell(Done())

    def _guard(self, name: str, action: Callable[[str], None]) -> None:
        if name in self._ledger.failures:
            return
        self._tell(Begun(name))
        try:
            action(name)
        except (HardwareError, OSError) as error:
            self._tell(Failed(name, str(error)))

    def _score(self, name: str) -> None:
        self._tell(Scored(name, score(self._variants[name])))

    def _by_score(self) -> list[str]:
        scores = self._ledger.scores
        usable = [name for name in self._variants if scores.get(name, 0) > 0]
        return sorted(usable, key=lambda name: (-scores[name], name))

    def _try(self, name: str) -> None:
        if self._ledger.speed(name) is not None:
            return
        session = self._session(name)
        session.decode(1, 1)  # reads the weights from the file for the first time
        self._time(name, "decode", 1)
        self._time(name, "prompt", 1)
        self._tell(Computed(name, session.logits(_LOGITS)))

    def _time_finalists(self) -> None:
        """A few more rounds for those near the best, in turns, so that a disturbance hits all."""
        survivors = self._ledger.survivors()
        if len(survivors) < 2:
            return
        limit = min(speed.exchange_s for speed in survivors) * _FINALIST
        finalists = [speed.variant for speed in survivors if speed.exchange_s <= limit]
        for _ in range(_FINAL_ROUNDS):
            for name in finalists:
                if self._has_time(_FINAL_SHARE):
                    self._guard(name, self._time_both)

    def _time_both(self, name: str) -> None:
        for _ in range(2):
            self._time(name, "decode", 1)
        self._time(name, "prompt", 1)

    def _try_gemm(self, _name: str) -> None:
        """With the fastest variant, in turns with that variant alone, all on one thread. Once at
        least, so that no later start has to try again."""
        best = self._ledger.fastest()
        if best is None:
            return
        path, variant = Path(self._order.gemm), self._variants[best.variant]
        hold(path)
        sessions = [
            self._session(best.variant),
            variant_session(self._libraries, variant, self._model_path, path),
        ]
        for session in sessions:
            session.decode(N_CTX, 1)
            self._tell(Begun(GEMM))  # a sign of life
        alone, together = sessions
        far = distance(alone.logits(_LOGITS), together.logits(_LOGITS))
        for count in range(_GEMM_ROUNDS):
            if count == 0 or self._has_time(_GEMM_SHARE):
                without_s, with_s = _cpu_s(alone), _cpu_s(together)
                self._tell(GemmTimed(N_CTX, with_s, without_s, far))

    def _time_threads(self) -> None:
        best = self._ledger.fastest()
        if best is None:
            return
        self._tell(Begun(best.variant))
        plan: list[tuple[Kind, tuple[int, ...]]] = [
            ("decode", self._order.decode_threads),
            ("prompt", self._order.prompt_threads),
        ]
        for _ in range(THREAD_ROUNDS):
            for kind, counts in plan:
                for count in counts if len(counts) > 1 else ():
                    if self._has_time(_THREADS_SHARE):
                        self._time(best.variant, kind, count)

    def _time(self, name: str, kind: Kind, threads: int) -> None:
        tokens = 1 if kind == "decode" else _PROMPT_TOKENS
        session = self._session(name)
        cpu, wall = time.process_time(), time.perf_counter()
        session.decode(tokens, threads)
        seconds, cpu_seconds = time.perf_counter() - wall, time.process_time() - cpu
        if sys.platform == "win32":
            cpu_seconds = seconds * threads  # counted in steps of 15.6 ms there
        self._tell(Timed(name, kind, threads, tokens, seconds, cpu_seconds))

    def _session(self, name: str) -> Session:
        if name not in self._sessions:
            variant = self._variants[name]
            self._sessions[name] = variant_session(self._libraries, variant, self._model_path)
        return self._sessions[name]

    def _has_time(self, share: float) -> bool:
        return time.perf_counter() - self._started < self._order.seconds * share

    def _tell(self, event: Event) -> None:
        self._ledger.apply(event)
        self._output.write(encode_event(event) + "\n")
        self._output.flush()


def _cpu_s(session: Session) -> float:
    """Of a full step on one thread, so without what other programs take away; where the system
    counts that too coarsely, seconds of the clock."""
    clock = time.perf_counter if sys.platform == "win32" else time.process_time
    started = clock()
    session.decode(N_CTX, 1)
    return clock() - started
