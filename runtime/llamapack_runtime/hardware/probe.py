"""Chooses the CPU variant and the thread counts: by trial in child processes, within a time budget,
remembered for the next start. Knows nothing of how a variant is tried (that is worker.py)."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from llamapack_runtime.hardware.child import NOT_ITS_FAULT, Ending, run_child
from llamapack_runtime.hardware.choice import (
    HardwareChoice,
    ProbeResult,
    Status,
    explain,
    explain_failure,
)
from llamapack_runtime.hardware.cpus import CpuLimits, cpu_identity, cpu_name, usable_cpus
from llamapack_runtime.hardware.errors import HardwareError, NoUsableProcessor
from llamapack_runtime.hardware.gemm import GEMM, GemmTrial, gemm_path
from llamapack_runtime.hardware.ledger import Ledger
from llamapack_runtime.hardware.messages import (
    Kind,
    Timed,
    WorkOrder,
    decode_event,
    encode_event,
)
from llamapack_runtime.hardware.notebook import memory_key, memory_path
from llamapack_runtime.hardware.remembered import Remembered, recall, remember
from llamapack_runtime.hardware.sample_file import scratch_folder
from llamapack_runtime.hardware.sample_model import known_quantizations
from llamapack_runtime.hardware.threads import (
    THREAD_ROUNDS,
    choose_threads,
    thread_candidates,
    usual_threads,
    was_disturbed,
)
from llamapack_runtime.hardware.variants import Variant, list_variants

logger = logging.getLogger(__name__)

# A variant that says nothing for this share of the budget is taken for hung.
_STALL_SHARE = 1 / 3
# While nothing at all has survived, the probe may take this many budgets: a slow start is better
# than none, and better than an untested library.
_PATIENCE = 6.0
# Where only the thread counts are in doubt, this share of the budget must do.
_THREADS_ONLY_SHARE = 0.3
# Upstream's names of the variants that every processor of their kind can run.
_PLAINEST = ("x64", "armv8.0_1", "apple_m1", "cpu")


def choose_hardware(
    library_folder: Path,
    worker_command: Sequence[str],
    cache_folder: Path,
    image_key: str,
    quantizations: Sequence[str],
    *,
    threads: int | None = None,
    threads_batch: int | None = None,
    budget_s: float = 2.0,
    forced_variant: str | None = None,
    with_gemm: bool = True,
) -> HardwareChoice:
    """The fastest variant that survives a trial, and thread counts within every limit.

    `worker_command` starts `worker.run_worker` with what is appended to it. `quantizations` are the
    packed model's tensor types ("Q4_K"), the weightiest first. Thread counts that are given are
    taken as they are; `with_gemm` says whether the GEMM library may be used. Takes at most
    `budget_s` seconds, more only while nothing has survived yet; milliseconds when the choice is
    remembered. Blocks, so call it off the event loop. HardwareError when nothing survives, or when
    `forced_variant` does not exist."""
    variants = _candidates(library_folder, forced_variant)
    limits = usable_cpus()
    kinds = known_quantizations(quantizations)[:4]
    names = [variant.name for variant in variants]
    gemm = gemm_path(library_folder) if with_gemm else None
    key = memory_key(cpu_identity(), kinds, names, forced_variant or "")
    path = memory_path(cache_folder, image_key)
    known = recall(path, key)
    if known is not None and known.variant not in names:
        known = None
    if known is not None and _is_enough(known, threads, threads_batch, gemm):
        return _from_memory(known, variants, threads, threads_batch, forced_variant, gemm)
    probe = _Probe(library_folder, worker_command, variants, kinds, limits, known, budget_s, gemm)
    probe.run(threads, threads_batch)
    entry = probe.entry(forced_variant)
    if threads is None and threads_batch is None:
        remember(path, key, entry)
    choice = _from_memory(entry, variants, threads, threads_batch, forced_variant, gemm)
    return replace(choice, from_cache=False)


def _candidates(library_folder: Path, forced: str | None) -> tuple[Variant, ...]:
    variants = list_variants(library_folder)
    if not variants:
        raise HardwareError(
            f"There is no CPU library (ggml-cpu-*) in {library_folder}; the runtime is incomplete. "
            "Delete its cache folder and start again."
        )
    chosen = tuple(variant for variant in variants if forced in (None, variant.name))
    if not chosen:
        names = ", ".join(variant.name for variant in variants)
        raise HardwareError(f"There is no CPU variant named {forced!r}; there are {names}.")
    return chosen


def _is_enough(
    known: Remembered, threads: int | None, threads_batch: int | None, gemm: Path | None
) -> bool:
    given = threads is not None and threads_batch is not None
    is_gemm_known = gemm is None or known.gemm is not None
    return known.is_variant_settled and is_gemm_known and (given or known.are_threads_settled)


def _from_memory(
    entry: Remembered,
    variants: Sequence[Variant],
    threads: int | None,
    threads_batch: int | None,
    forced: str | None,
    gemm: Path | None,
) -> HardwareChoice:
    trial = None if gemm is None else entry.gemm
    return HardwareChoice(
        variant=next(variant for variant in variants if variant.name == entry.variant),
        n_threads=threads or entry.n_threads,
        n_threads_batch=threads_batch or entry.n_threads_batch,
        results=entry.results,
        reason=explain(entry.variant, entry.results, trial, was_forced=forced is not None),
        gemm=gemm if trial is not None and trial.is_good else None,
        from_cache=True,
        is_settled=entry.is_variant_settled and entry.are_threads_settled,
    )


class _Probe:
    """One run of the trial, over as many children as die. What an earlier start learned is kept:
    a crash is not repeated, and a settled variant is not compared again."""

    def __init__(
        self,
        library_folder: Path,
        worker_command: Sequence[str],
        variants: Sequence[Variant],
        quantizations: Sequence[str],
        limits: CpuLimits,
        known: Remembered | None,
        budget_s: float,
        gemm: Path | None,
    ) -> None:
        self._library_folder = library_folder
        self._worker_command = worker_command
        self._variants = variants
        self._quantizations = quantizations
        self._limits = limits
        self._known = known
        self._gemm = gemm
        is_short = known is not None and known.is_variant_settled
        self._budget_s = budget_s * (_THREADS_ONLY_SHARE if is_short else 1.0)
        self._started = self._last_word = time.monotonic()
        self._ledger = Ledger()
        self._hung: set[str] = set()
        self._crashed_before = {
            result.name: result
            for result in (known.results if known else ())
            if result.status == "crashed" and result.signal not in NOT_ITS_FAULT
        }
        self._decode_threads: tuple[int, ...] = ()
        self._prompt_threads: tuple[int, ...] = ()
        self._is_broken = False  # the child dies before it touches any variant

    def run(self, threads: int | None, threads_batch: int | None) -> None:
        """Children, until one ends well or nothing is left to try."""
        counts = thread_candidates(self._limits)
        self._decode_threads = counts if threads is None else (threads,)
        self._prompt_threads = counts if threads_batch is None else (threads_batch,)
        for is_patient in (False, True):
            if is_patient and not self._give_second_chance():
                return
            while self._remaining_s() > 0.1 and not self._ledger.is_finished and self._open():
                if not self._run_child(is_patient):
                    return

    def _give_second_chance(self) -> bool:
        """Where all hung, perhaps the computer is only slow: the plainest gets all the time."""
        if self._ledger.survivors() or not self._hung:
            return False
        scores = self._ledger.scores
        self._hung.remove(min(self._hung, key=lambda name: (scores.get(name, 0), name)))
        self._ledger.is_finished = False
        return True

    def entry(self, forced: str | None) -> Remembered:
        """The outcome. NoUsableProcessor when nothing survived."""
        results = self._results()
        usual = usual_threads(self._limits)
        best = self._ledger.fastest()
        if best is None:
            name = self._untested(results, forced)
            return Remembered(name, usual, usual, results, False, False, self._gemm_trial())
        decode = self._thread_times(best.variant, "decode", self._decode_threads)
        prompt = self._thread_times(best.variant, "prompt", self._prompt_threads)
        n_threads, n_threads_batch = choose_threads(usual, decode), choose_threads(usual, prompt)
        # Counts that time did not allow to measure, and an unusual one that was found beside a busy
        # neighbour, are measured again at the next start.
        are_timed = all(times.get(usual) for times in (decode, prompt) if times)
        if not are_timed and self._known is not None:
            n_threads, n_threads_batch = self._known.n_threads, self._known.n_threads_batch
        are_usual = n_threads == usual == n_threads_batch
        is_calm = not was_disturbed(decode) and not was_disturbed(prompt)
        are_settled = are_timed and (are_usual or is_calm)
        return Remembered(
            best.variant,
            n_threads,
            n_threads_batch,
            results,
            self._is_settled(results),
            are_settled,
            self._gemm_trial(),
        )

    def _run_child(self, is_patient: bool) -> bool:
        """Whether it is worth starting another one."""
        with scratch_folder() as scratch:
            command = [*self._worker_command, self._order(scratch).encode()]
            self._ledger.current, self._last_word = "", time.monotonic()
            try:
                ending = run_child(command, self._hear, lambda: self._patience_s(is_patient))
            except OSError:
                self._is_broken = True
                return False
        return self._judge(ending, is_patient)

    def _judge(self, ending: Ending, is_patient: bool) -> bool:
        name = self._ledger.current
        if self._ledger.is_finished:
            return False
        if not name:
            self._is_broken = not self._ledger.scores
            return False
        if not ending.was_stopped:
            self._ledger.failures[name] = ending.cause or "an early end"
            return True
        silent_s = time.monotonic() - self._last_word
        if is_patient or silent_s >= self._budget_s * _STALL_SHARE:
            self._hung.add(name)
        return True

    def _hear(self, line: str) -> None:
        event = decode_event(line)
        if event is not None:
            self._last_word = time.monotonic()
            self._ledger.apply(event)

    def _order(self, scratch: str) -> WorkOrder:
        names = [variant.name for variant in self._open()]
        remaining_s = self._remaining_s()
        share_s = max(0.1, self._budget_s - self._elapsed_s())
        return WorkOrder(
            library_folder=str(self._library_folder),
            variants=tuple((variant.name, str(variant.path)) for variant in self._open()),
            quantizations=tuple(self._quantizations),
            seconds=min(share_s, remaining_s) - 0.2,
            scratch_folder=scratch,
            decode_threads=self._decode_threads,
            prompt_threads=self._prompt_threads,
            gemm="" if self._gemm is None or self._gemm_trial() else str(self._gemm),
            history=tuple(encode_event(event) for event in self._ledger.history(names)),
        )

    def _open(self) -> list[Variant]:
        """Those still in the running."""
        if self._known is not None and self._known.is_variant_settled:
            keep = [one for one in self._variants if one.name == self._known.variant]
            if keep[0].name not in self._ledger.failures:
                return keep
        out = {*self._ledger.failures, *self._crashed_before, *self._hung}
        return [variant for variant in self._variants if variant.name not in out]

    def _gemm_trial(self) -> GemmTrial | None:
        """None: there was no time for it."""
        if GEMM in self._hung:
            return GemmTrial(0.0)
        return self._ledger.gemm() or (self._known.gemm if self._known is not None else None)

    def _elapsed_s(self) -> float:
        return time.monotonic() - self._started

    def _remaining_s(self) -> float:
        """Until the budget's end, or the patience's while nothing has survived."""
        budgets = 1.0 if self._ledger.survivors() else _PATIENCE
        return self._budget_s * budgets - self._elapsed_s()

    def _patience_s(self, is_patient: bool) -> float:
        """How long to wait for the child's next line."""
        if is_patient or not self._ledger.current:
            return self._remaining_s()
        return min(self._remaining_s(), self._budget_s * _STALL_SHARE)

    def _thread_times(
        self, variant: str, kind: Kind, counts: Sequence[int]
    ) -> dict[int, list[Timed]]:
        if len(counts) == 1:
            return {}
        return {
            count: self._ledger.times(variant, kind, count)[-THREAD_ROUNDS:] for count in counts
        }

    def _results(self) -> tuple[ProbeResult, ...]:
        if self._known is not None and self._known.is_variant_settled:
            best = self._ledger.fastest()
            if best is not None and best.variant == self._known.variant:
                return self._known.results
        results = [self._result(variant.name) for variant in self._variants]
        return tuple(sorted(results, key=lambda result: (-result.score, result.name)))

    def _result(self, name: str) -> ProbeResult:
        ledger = self._ledger
        score, speed = ledger.scores.get(name, 0), ledger.speed(name)
        if name in self._crashed_before and name not in ledger.failures:
            return self._crashed_before[name]
        status: Status = "not_tried"
        if name in ledger.failures:
            status = "crashed"
        elif name in ledger.wrong():
            status = "wrong"
        elif name in self._hung:
            status = "timed_out"
        elif speed is not None:
            status = "ok"
        elif ledger.scores.get(name) == 0:
            status = "unsupported"
        rates = (1 / speed.prompt_s, 1 / speed.decode_s) if speed is not None else (0.0, 0.0)
        return ProbeResult(name, score, status, ledger.failures.get(name, ""), *rates)

    def _is_settled(self, results: Sequence[ProbeResult]) -> bool:
        """A hung variant gets a second chance at the next start, and so does one that was killed
        from outside; all else will be the same next time."""
        before = self._known.results if self._known is not None else ()
        hung_before = {result.name for result in before if result.status == "timed_out"}
        return not any(
            (result.status == "timed_out" and result.name not in hung_before)
            or result.signal in NOT_ITS_FAULT
            for result in results
        )

    def _untested(self, results: Sequence[ProbeResult], forced: str | None) -> str:
        """Where no child can be started at all, the plainest variant must do."""
        names = [variant.name for variant in self._variants]
        if self._is_broken:
            plain = [name for name in _PLAINEST if name in names]
            if forced or plain:
                return forced or plain[0]
            raise NoUsableProcessor(
                f"The check of this computer's processor could not be started "
                f"({self._worker_command[0]}), and no variant is known to be safe."
            )
        for result in results:
            logger.warning("The variant %s: %s %s", result.name, result.status, result.signal)
        raise NoUsableProcessor(explain_failure(cpu_name(), results))
