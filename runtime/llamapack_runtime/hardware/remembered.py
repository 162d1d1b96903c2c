"""What is remembered of a choice of the CPU variant."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from llamapack_runtime.hardware.choice import STATUSES, ProbeResult
from llamapack_runtime.hardware.gemm import GemmTrial
from llamapack_runtime.hardware.notebook import read_entry, write_entry


@dataclass(frozen=True, slots=True)
class Remembered:
    """`is_variant_settled`/`are_threads_settled`: nothing cast doubt on that part."""

    variant: str
    n_threads: int
    n_threads_batch: int
    results: tuple[ProbeResult, ...]
    is_variant_settled: bool
    are_threads_settled: bool
    gemm: GemmTrial | None = None


def recall(path: Path, key: str) -> Remembered | None:
    """The entry, or None when there is none that can be read and trusted."""
    try:
        return _parsed(read_entry(path, key))
    except (KeyError, TypeError, ValueError):
        return None


def remember(path: Path, key: str, entry: Remembered) -> None:
    """Add or replace an entry."""
    write_entry(path, key, asdict(entry))


def _parsed(raw: object) -> Remembered:
    """TypeError, KeyError or ValueError when it is not what `remember` wrote."""
    if not isinstance(raw, dict) or not isinstance(raw["results"], list):
        raise TypeError("not an entry")
    return Remembered(
        variant=str(raw["variant"]),
        n_threads=_count(raw["n_threads"]),
        n_threads_batch=_count(raw["n_threads_batch"]),
        results=tuple(_result(**fields) for fields in raw["results"]),
        is_variant_settled=raw["is_variant_settled"] is True,
        are_threads_settled=raw["are_threads_settled"] is True,
        gemm=_trial(raw["gemm"]),
    )


def _trial(raw: object) -> GemmTrial | None:
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise TypeError("no trial")
    return GemmTrial(float(raw["speedup"]), raw["is_right"] is True)


def _count(value: object) -> int:
    if not isinstance(value, int) or not 0 < value < 4096:
        raise ValueError(f"{value!r} is no number of threads")
    return value


def _result(
    name: object,
    score: object,
    status: object,
    signal: object,
    prompt_tokens_per_s: object,
    decode_tokens_per_s: object,
) -> ProbeResult:
    known = next((one for one in STATUSES if one == status), None)
    speeds = (prompt_tokens_per_s, decode_tokens_per_s)
    if known is None or not isinstance(score, int):
        raise ValueError("no result")
    prompt, decode = (float(one) for one in speeds if isinstance(one, int | float))
    return ProbeResult(str(name), score, known, str(signal), prompt, decode)
