"""Chooses the graphics processor, or none: by trial in child processes, remembered for the next
start. A start waits some seconds for the first trial at most; one that takes longer goes on beside
the service and decides about the next start. Knows nothing of how a device is tried (that is
gpu_worker.py)."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.hardware.cpus import cpu_identity
from llamapack_runtime.hardware.gpu_choice import (
    NO_LIBRARY,
    OFF,
    GpuChoice,
    GpuDevice,
    GpuResult,
    MemoryPlace,
)
from llamapack_runtime.hardware.gpu_libraries import GpuLibrary, list_gpu_libraries
from llamapack_runtime.hardware.gpu_remembered import recall_gpu, remember_gpu
from llamapack_runtime.hardware.gpu_trial import GpuTrial
from llamapack_runtime.hardware.gpus import gpu_identity
from llamapack_runtime.hardware.notebook import memory_key, memory_path
from llamapack_runtime.hardware.sample_model import known_quantizations

logger = logging.getLogger(__name__)

# What a start waits for. Drivers that compile their code for the first time take one to ten
# seconds; those that need more are used from the next start on.
PATIENCE_S = 5.0
# After that a trial beside the service is given up. Software that compiles takes 40 seconds.
MOST_S = 120.0
_NEVER = ("off", "none")


def choose_gpu(
    library_folder: Path,
    worker_command: Sequence[str],
    cache_folder: Path,
    image_key: str,
    quantizations: Sequence[str],
    cpu: HardwareChoice,
    *,
    wish: str = "auto",
    patience_s: float = PATIENCE_S,
    most_s: float = MOST_S,
) -> GpuChoice:
    """`wish`: auto, off, or a device's name or description, which is used without a trial.
    `cpu` is what the devices are compared with; see `choose_hardware` for the rest. Takes
    `patience_s` at most, milliseconds when the choice is remembered. Blocks."""
    libraries = list_gpu_libraries(library_folder)
    if wish in _NEVER:
        return OFF
    if not libraries:
        return NO_LIBRARY
    if wish != "auto":
        listing = GpuTrial(library_folder, worker_command, libraries, (), None)
        return _named(listing, wish, patience_s)
    kinds = known_quantizations(quantizations)[:4]
    key = memory_key(cpu_identity(), gpu_identity(), _stamps(libraries), kinds, cpu.variant.name)
    place = MemoryPlace(memory_path(cache_folder, image_key, "gpu"), key)
    known = recall_gpu(place, libraries)
    if known is not None and known.is_settled:
        return known
    wait_s = patience_s if known is None else 0.0
    trial = GpuTrial(library_folder, worker_command, libraries, kinds, cpu)
    return _Race(trial, place, known).run(wait_s, most_s)


def list_devices(library_folder: Path, worker_command: Sequence[str]) -> tuple[GpuDevice, ...]:
    """All devices of all libraries, software ones among them."""
    trial = GpuTrial(library_folder, worker_command, list_gpu_libraries(library_folder), (), None)
    trial.run(time.monotonic() + PATIENCE_S)
    return tuple(trial.devices)


def _named(listing: GpuTrial, wish: str, patience_s: float) -> GpuChoice:
    listing.run(time.monotonic() + patience_s)
    device = next((one for one in listing.devices if one.is_meant_by(wish)), None)
    if device is not None:
        library = next(one for one in listing.libraries if one.kind == device.library)
        return GpuChoice(GpuResult(device.title, "forced"), device, library.path)
    names = ", ".join(f"{one.name}, {one.description}" for one in listing.devices)
    cause = f"there is {names}" if names else "there is none at all"
    others = tuple(one for one in listing.results() if one.code in ("crashed", "hung", "failed"))
    return GpuChoice(GpuResult(wish, "unknown", cause), others=others)


def _stamps(libraries: Sequence[GpuLibrary]) -> list[str]:
    """They change with the libraries."""
    facts = ((library.path.name, library.path.stat()) for library in libraries)
    return [f"{name} {stat.st_size} {stat.st_mtime_ns}" for name, stat in facts]


class _Race:
    """A trial on a thread of its own against the patience of a start. Thread A, the start, gives up
    and writes "late"; thread B, the trial, ends and writes what it found. Both happen under the
    lock, and A writes nothing once B has, so that the better knowledge stays."""

    def __init__(self, trial: GpuTrial, place: MemoryPlace, known: GpuChoice | None) -> None:
        self._trial = trial
        self._place = place
        self._known = known
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._choice: GpuChoice | None = None

    def run(self, wait_s: float, most_s: float) -> GpuChoice:
        deadline = time.monotonic() + most_s
        thread = threading.Thread(target=self._compete, args=(deadline,), daemon=True)
        thread.start()
        self._is_over.wait(wait_s)
        with self._lock:
            if self._choice is not None:
                return self._choice
            if self._known is not None:
                return self._known
            late = GpuChoice(GpuResult(self._trial.current, "late"), is_settled=False)
            remember_gpu(self._place, late)
            return late

    def _compete(self, deadline: float) -> None:
        self._trial.run(deadline)
        choice = replace(self._trial.choice(), place=self._place)
        with self._lock:
            self._choice = choice
            remember_gpu(self._place, choice)
        self._is_over.set()
        logger.info("%s", choice.reason)
