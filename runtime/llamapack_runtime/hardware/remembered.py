"""The memory of a choice: one small JSON file for each runtime image, with an entry for each
processor (a home folder may be shared between computers). A damaged or foreign file counts as no
memory, and a folder that cannot be written is no error: the next start probes again."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from llamapack_runtime.hardware.choice import STATUSES, ProbeResult
from llamapack_runtime.hardware.gemm import GemmTrial

_VERSION = 2
_MOST_ENTRIES = 8
_MOST_BYTES = 1 << 20


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


def memory_path(cache_folder: Path, image_key: str) -> Path:
    return cache_folder / f"hardware-{image_key}.json"


def memory_key(*facts: str | Sequence[str]) -> str:
    """One entry's key: everything on which the choice depends."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:24]


def recall(path: Path, key: str) -> Remembered | None:
    """The entry, or None when there is none that can be read and trusted."""
    try:
        return _parsed(_entries(path)[key])
    except (KeyError, TypeError, ValueError):
        return None


def remember(path: Path, key: str, entry: Remembered) -> None:
    """Add or replace an entry: written beside the file, then renamed."""
    entries = _entries(path)
    entries.pop(key, None)
    entries[key] = asdict(entry)
    kept = dict(list(entries.items())[-_MOST_ENTRIES:])
    text = json.dumps({"version": _VERSION, "entries": kept}, indent=1)
    with contextlib.suppress(OSError):
        _replace(path, text)


def _replace(path: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(prefix=f"{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(name).replace(path)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _entries(path: Path) -> dict[str, object]:
    """All entries, the oldest first; empty for a file that is missing, damaged or not ours."""
    try:
        with path.open(encoding="utf-8") as file:
            content = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(content, dict) or content.get("version") != _VERSION:
        return {}
    entries = content.get("entries")
    return entries if isinstance(entries, dict) else {}


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
