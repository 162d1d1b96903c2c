"""What was decided about the processors. Plain data, and its sentence for --info."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from llamapack_runtime.hardware.gemm import GemmTrial
from llamapack_runtime.hardware.gpu_choice import NO_LIBRARY, GpuChoice
from llamapack_runtime.hardware.variants import Variant

# wrong: it ran, but its numbers were far from those of the plainest variant.
Status = Literal["ok", "unsupported", "crashed", "wrong", "timed_out", "not_tried"]
STATUSES: tuple[Status, ...] = (
    "ok",
    "unsupported",
    "crashed",
    "wrong",
    "timed_out",
    "not_tried",
)


# In a sentence; the log has them all.
_MOST_NAMED = 3
_MOST_CHARS = 60


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """How one variant fared. `signal` says how it died: SIGILL, "exit code 3", or the library's own
    words. The speeds are those of the small sample model with one thread: they compare variants and
    say nothing about the packed model. 0 where nothing was measured."""

    name: str
    score: int
    status: Status
    signal: str = ""
    prompt_tokens_per_s: float = 0.0
    decode_tokens_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class HardwareChoice:
    """`reason` is a sentence for people, and `gpu` has its own. `is_settled` is false when a busy
    computer made the thread counts doubtful, so that they are measured again at the next start."""

    variant: Variant
    n_threads: int
    n_threads_batch: int
    results: tuple[ProbeResult, ...]
    reason: str
    gemm: Path | None = None  # the GEMM library, where it is worth its while
    from_cache: bool = False
    is_settled: bool = True
    gpu: GpuChoice = NO_LIBRARY


def explain(
    chosen: str, results: tuple[ProbeResult, ...], gemm: GemmTrial | None, *, was_forced: bool
) -> str:
    """Such as "cascadelake: the fastest of 6 that ran; icelake died with SIGILL"."""
    ran = sum(result.status == "ok" for result in results)
    why = "the only one that ran" if ran == 1 else f"the fastest of {ran} that ran"
    parts = [f"{chosen}: {'as asked' if was_forced else why if ran else 'untested'}"]
    if gemm is not None:
        parts.append(gemm.words)
    for result in results:
        if result.status == "crashed":
            parts.append(f"{result.name} died with {result.signal}")
        elif result.status == "wrong":
            parts.append(f"{result.name} computed wrong numbers")
        elif result.status == "timed_out":
            parts.append(f"{result.name} did not answer in time")
    skipped = sum(result.status == "not_tried" for result in results)
    if skipped:
        parts.append(f"{skipped} not tried for lack of time")
    return "; ".join(parts)


def explain_failure(processor: str, results: Sequence[ProbeResult]) -> str:
    """Where none ran: "haswell crashed (SIGILL), x64 timed out; 12 others ask for a newer one"."""
    tried = [result for result in results if result.status != "unsupported"]
    parts = [_in_short(result) for result in tried[:_MOST_NAMED]]
    if len(tried) > _MOST_NAMED:
        parts.append(f"{len(tried) - _MOST_NAMED} more did not run either")
    newer = len(results) - len(tried)
    told = ", ".join(parts)
    if newer:
        verb = "asks" if newer == 1 else "ask"
        told += f"{'; ' if told else ''}{newer} {verb} for a newer one"
    return (
        f"The processor of this computer ({processor}) can run none of the {len(results)} variants "
        f"of the program: {told}. Try it on another computer."
    )


def _in_short(result: ProbeResult) -> str:
    cause = f" ({result.signal[:_MOST_CHARS]})" if result.signal else ""
    return f"{result.name} {result.status.replace('_', ' ')}{cause}"
