"""One run over all GPU libraries, in as many children as die. Fed with their events, it knows how
each device fared. Knows nothing of memory or patience."""

from __future__ import annotations

import math
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from llamapack_runtime.hardware.child import NOT_ITS_FAULT, Ending, run_child
from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.hardware.gpu_choice import (
    DEVICE_KINDS,
    DeviceKind,
    GpuChoice,
    GpuCode,
    GpuDevice,
    GpuResult,
    pick,
)
from llamapack_runtime.hardware.gpu_libraries import GpuLibrary
from llamapack_runtime.hardware.gpu_worker import CPU, GPU
from llamapack_runtime.hardware.ledger import READ_PER_WRITTEN, WRONG, distance
from llamapack_runtime.hardware.messages import (
    Begun,
    Computed,
    Done,
    Failed,
    Found,
    GpuOrder,
    Kind,
    NoDriver,
    Timed,
    decode_event,
)
from llamapack_runtime.hardware.sample_file import scratch_folder

# A device must be this much faster than the processor to be preferred: it also takes memory, and
# moves data about.
_CLEARLY = 1.1
# Children for one library: each that dies leaves a device out.
_MOST_CHILDREN = 4


class GpuTrial:
    """`cpu` is what the devices are compared with; None: they are only listed. `devices` are those
    found so far, and `current` says in words what is at work."""

    def __init__(
        self,
        library_folder: Path,
        worker_command: Sequence[str],
        libraries: Sequence[GpuLibrary],
        quantizations: Sequence[str],
        cpu: HardwareChoice | None,
    ) -> None:
        self.library_folder = library_folder
        self.worker_command = worker_command
        self.libraries = libraries
        self.quantizations = quantizations
        self.devices: list[GpuDevice] = []
        self._cpu = cpu
        self._library: GpuLibrary | None = None
        self._subject = ""
        self._is_done = False
        self._bad: dict[str, GpuResult] = {}  # by the name of a device or a library
        self._times: defaultdict[tuple[str, Kind], list[Timed]] = defaultdict(list)
        self._logits: dict[str, list[float]] = {}

    @property
    def current(self) -> str:
        best = pick(self.devices)
        # The processor is compared with the best; it is not what is tried.
        return best[0].title if self._subject == CPU and best else self._title(self._subject)

    def run(self, deadline: float) -> None:
        """Until all is tried, or the `deadline` of the monotonic clock."""
        for library in self.libraries:
            self._library = library
            for _ in range(_MOST_CHILDREN):
                if time.monotonic() >= deadline or not self._run_child(library, deadline):
                    break

    def results(self) -> list[GpuResult]:
        """Of each device, the most promising first, and of each library that did not come to name
        any."""
        ranked = [
            *pick(self.devices),
            *(one for one in self.devices if one not in pick(self.devices)),
        ]
        names = {device.name for device in ranked}
        libraries = [result for name, result in self._bad.items() if name not in names]
        return [*(self._result(device) for device in ranked), *libraries]

    def choice(self) -> GpuChoice:
        """The first that is worth it, or why there is none."""
        results = self.results() or [
            GpuResult(library.label, "no_device") for library in self.libraries
        ]
        for device in pick(self.devices):
            result = self._result(device)
            if result.code == "used":
                paths = {library.kind: library.path for library in self.libraries}
                others = tuple(one for one in results if one.code not in ("used", "software"))
                return GpuChoice(result, device, paths[device.library], others)
        is_settled = not any(one.cause in NOT_ITS_FAULT for one in results)
        return GpuChoice(results[0], others=tuple(results[1:]), is_settled=is_settled)

    def _run_child(self, library: GpuLibrary, deadline: float) -> bool:
        """Whether it is worth starting another one."""
        self._subject, self._is_done = library.label, False
        self.devices = [one for one in self.devices if one.library != library.kind]
        try:
            with scratch_folder() as scratch:
                command = [*self.worker_command, GPU, self._order(library, scratch).encode()]
                ending = run_child(command, self._hear, _until(deadline))
        except OSError as error:
            self._blame(library.label, "failed", error.strerror or str(error))
            return False
        return self._judge(ending)

    def _judge(self, ending: Ending) -> bool:
        if self._is_done:
            return False
        if ending.was_stopped:
            self._blame(self._subject, "hung")
            return False
        self._blame(self._subject, "crashed", ending.cause or "an early end")
        # After a library or the processor itself has died nothing can be tried.
        return self._subject in {device.name for device in self.devices}

    def _order(self, library: GpuLibrary, scratch: str) -> GpuOrder:
        cpu = self._cpu
        return GpuOrder(
            library_folder=str(self.library_folder),
            library=(library.kind, str(library.path)),
            variant="" if cpu is None else str(cpu.variant.path),
            quantizations=tuple(self.quantizations),
            scratch_folder=scratch,
            threads=1 if cpu is None else cpu.n_threads,
            threads_batch=1 if cpu is None else cpu.n_threads_batch,
            is_listing=cpu is None,
            passed_over=tuple(self._bad),
        )

    def _hear(self, line: str) -> None:
        assert self._library is not None, "it is one that speaks"
        match decode_event(line):
            case Begun(subject):
                self._subject = subject
            case Found(name, description, kind, total, free, number):
                known: DeviceKind = next((one for one in DEVICE_KINDS if one == kind), "other")
                self.devices.append(
                    GpuDevice(name, description, self._library.kind, known, total, free, number)
                )
            case NoDriver():
                self._blame(self._library.label, "no_driver")
            case Failed(subject, why):
                self._blame(subject, "failed", why)
            case Computed(subject, logits):
                self._logits[subject] = logits
            case Timed() as timed:
                self._times[timed.variant, timed.kind].append(timed)
            case Done():
                self._is_done = True
            case _:
                pass

    def _blame(self, subject: str, code: GpuCode, cause: str = "") -> None:
        self._bad[subject] = GpuResult(self._title(subject), code, cause)

    def _title(self, subject: str) -> str:
        found = next((one for one in self.devices if one.name == subject), None)
        return subject if found is None else found.title

    def _result(self, device: GpuDevice) -> GpuResult:
        name, title = device.name, device.title
        if device.kind == "software":
            return GpuResult(title, "software")
        if name in self._bad:
            return self._bad[name]
        own, reference = self._logits.get(name), self._logits.get(CPU)
        if own is None or reference is None:
            return GpuResult(title, "failed", "it was not tried")
        if not all(map(math.isfinite, own)) or distance(reference, own) > WRONG:
            return GpuResult(title, "wrong")
        times = self._exchange_s(CPU) / self._exchange_s(name)
        return GpuResult(title, "used" if times >= _CLEARLY else "slower", times=times)

    def _exchange_s(self, name: str) -> float:
        """Time for one token written and those read for it, as for the CPU variants."""
        per_token = [
            min((timed.seconds / timed.tokens for timed in self._times[name, kind]), default=1e9)
            for kind in ("decode", "prompt")
        ]
        return max(1e-9, per_token[0] + READ_PER_WRITTEN * per_token[1])


def _until(deadline: float) -> Callable[[], float]:
    return lambda: deadline - time.monotonic()
