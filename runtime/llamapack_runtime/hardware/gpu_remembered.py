"""What is remembered of a choice about graphics processors."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

from llamapack_runtime.hardware.gpu_choice import (
    DEVICE_KINDS,
    GPU_CODES,
    GpuChoice,
    GpuDevice,
    GpuResult,
    MemoryPlace,
)
from llamapack_runtime.hardware.gpu_libraries import GpuLibrary
from llamapack_runtime.hardware.notebook import read_entry, write_entry


def recall_gpu(place: MemoryPlace, libraries: Sequence[GpuLibrary]) -> GpuChoice | None:
    """The choice, or None when there is none that can be read and trusted."""
    try:
        entry = read_entry(place.path, place.key)
        return replace(_parsed(entry, {one.kind: one.path for one in libraries}), place=place)
    except (KeyError, TypeError, ValueError):
        return None


def remember_gpu(place: MemoryPlace, choice: GpuChoice) -> None:
    """Add or replace an entry. Where the library lies may be different at the next start."""
    fields = asdict(replace(choice, library=None, place=None))
    write_entry(place.path, place.key, fields)


@contextmanager
def while_in_use(choice: GpuChoice) -> Iterator[None]:
    """A process that dies inside leaves word of it: the next start does without the card, and has
    it tried anew. What passes a trial may still die of a whole model."""
    place, device = choice.place, choice.device
    if place is None or device is None:
        yield
        return
    died = GpuResult(device.title, "died")
    remember_gpu(place, replace(choice, result=died, device=None, is_settled=False))
    try:
        yield
    finally:
        remember_gpu(place, choice)


def _parsed(raw: object, paths: Mapping[str, Path]) -> GpuChoice:
    """TypeError, KeyError or ValueError when it is not what `remember_gpu` wrote."""
    if not isinstance(raw, dict):
        raise TypeError("not an entry")
    device = None if raw["device"] is None else _device(raw["device"])
    return GpuChoice(
        result=_result(raw["result"]),
        device=device,
        library=None if device is None else paths[device.library],
        others=tuple(_result(one) for one in raw["others"]),
        from_cache=True,
        is_settled=raw["is_settled"] is True,
    )


def _result(raw: dict[str, object]) -> GpuResult:
    times = raw["times"]
    if not isinstance(times, int | float):
        raise TypeError("no number")
    code = next((one for one in GPU_CODES if one == raw["code"]), None)
    if code is None:
        raise ValueError("no code")
    return GpuResult(str(raw["title"]), code, str(raw["cause"]), float(times))


def _device(raw: dict[str, object]) -> GpuDevice:
    kind = next((one for one in DEVICE_KINDS if one == raw["kind"]), None)
    sizes = [raw[name] for name in ("total_bytes", "free_bytes")]
    total, free = (size for size in sizes if isinstance(size, int))
    if kind is None:
        raise ValueError("no kind")
    name, description, library = (str(raw[key]) for key in ("name", "description", "library"))
    return GpuDevice(name, description, library, kind, total, free, str(raw["number"]))
