"""The GPU trial's child: names the devices of one library, then computes the sample model on the
promising ones, and on the processor. It says what it is about to do before it does it, so that its
parent knows which device killed it. Knows nothing of the choice that is made in the end."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from llamapack_runtime.hardware.child import end_with_parent
from llamapack_runtime.hardware.cuda import has_cuda_driver
from llamapack_runtime.hardware.errors import HardwareError
from llamapack_runtime.hardware.gpu_choice import DeviceKind, GpuDevice, kind_by_name, pick
from llamapack_runtime.hardware.gpu_libraries import LABELS, VULKAN_DEVICES
from llamapack_runtime.hardware.messages import (
    Begun,
    Computed,
    Done,
    Event,
    Failed,
    Found,
    GpuOrder,
    Kind,
    NoDriver,
    Timed,
    encode_event,
)
from llamapack_runtime.hardware.native import Libraries, Session
from llamapack_runtime.hardware.sample_file import sample_file
from llamapack_runtime.hardware.sample_model import LARGE, VOCABULARY, make_sample_model
from llamapack_runtime.hardware.vulkan import PhysicalDevice, physical_devices

# The argument before an order of this kind, and the processor among the devices.
GPU = "--gpu"
CPU = "CPU"
_PROMPT_TOKENS = 32
_ROUNDS = 4
# Where a step takes longer, there are no more.
_LONG_STEP_S = 0.5
# enum ggml_backend_dev_type
_KINDS: dict[int, DeviceKind] = {1: "gpu", 2: "integrated"}


def run_gpu_worker(text: str) -> int:
    """The exit code 2 when the order cannot be read; else the process ends here. Dies with a signal
    where a driver does."""
    try:
        order = GpuOrder.decode(text)
    except ValueError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    end_with_parent()
    kind = order.library[0]
    _tell(Begun(LABELS[kind]))
    try:
        _Worker(order).run()
    except (HardwareError, OSError) as error:
        _tell(Failed(LABELS[kind], str(error)))
    _tell(Done())
    # Some drivers crash in the tidying up that Python's own end would bring.
    os._exit(0)


class _Worker:
    def __init__(self, order: GpuOrder) -> None:
        self._order = order
        self._libraries = Libraries(Path(order.library_folder))

    def run(self) -> None:
        found = self._find()
        for device, _ in found:
            _tell(_as_event(device))
        wanted = pick([device for device, _ in found])
        handles = {device.name: handle for device, handle in found}
        open_ones = [one.name for one in wanted if one.name not in self._order.passed_over]
        if self._order.is_listing or not open_ones:
            return
        sample = make_sample_model(self._order.quantizations, LARGE)
        with sample_file(sample, self._order.scratch_folder) as model_path:
            self._libraries.open(Path(self._order.variant))
            # The processor comes last: where a device dies or hangs, nobody waits for it.
            for name in (*open_ones, CPU):
                self._try(name, model_path, handles.get(name))

    def _try(self, name: str, model_path: str, device: int | None) -> None:
        _tell(Begun(name))
        try:
            session = Session(self._libraries, model_path, name, device)
            self._time(session, name, "decode", 1)
            self._time(session, name, "prompt", _PROMPT_TOKENS)
            _tell(Computed(name, session.logits(VOCABULARY)))
        except HardwareError as error:
            _tell(Failed(name, str(error)))

    def _time(self, session: Session, name: str, kind: Kind, tokens: int) -> None:
        """The best round counts. In the first one a device's code may be compiled."""
        threads = self._order.threads if kind == "decode" else self._order.threads_batch
        for index in range(_ROUNDS):
            started = time.perf_counter()
            session.decode(tokens, threads)
            seconds = time.perf_counter() - started
            _tell(Timed(name, kind, threads, tokens, seconds, seconds))
            if seconds > _LONG_STEP_S and (index or name == CPU):
                return

    def _find(self) -> list[tuple[GpuDevice, int | None]]:
        """Each device with its pointer; None for those that ggml does not see."""
        kind, path = self._order.library
        if kind == "cuda" and not has_cuda_driver():
            _tell(NoDriver())  # before half a gigabyte of libraries is looked at for nothing
            return []
        physical = physical_devices() if kind == "vulkan" else ()
        try:
            library = self._libraries.open(Path(path))
        except HardwareError:
            if physical is None:
                _tell(NoDriver())
                return []
            raise
        seen = list(self._seen(library, kind, _visible(physical or ())))
        return [*seen, *_unseen(physical or (), kind, len(seen))]

    def _seen(
        self, library: int, kind: str, visible: list[PhysicalDevice]
    ) -> Iterator[tuple[GpuDevice, int | None]]:
        """`visible`: those that the user has named to ggml, software ones among them."""
        for index, (handle, name, said, number, total, free) in enumerate(
            self._libraries.devices(library)
        ):
            own = _KINDS.get(number, "other")
            if index < len(visible) and visible[index].kind == "software":
                own = "software"
            own = kind_by_name(said, own, kind)
            yield GpuDevice(name, said, kind, own, total, free), handle


def _visible(physical: tuple[PhysicalDevice, ...]) -> list[PhysicalDevice]:
    """Those of the environment variable, in its order."""
    numbers = os.environ.get(VULKAN_DEVICES, "").replace(",", " ").split()
    by_number = {str(device.number): device for device in physical}
    return [by_number[number] for number in numbers if number in by_number]


def _unseen(
    physical: tuple[PhysicalDevice, ...], kind: str, n_seen: int
) -> Iterator[tuple[GpuDevice, None]]:
    """Software devices, numbered behind those that ggml sees."""
    if VULKAN_DEVICES in os.environ:
        return
    software = [device for device in physical if device.kind == "software"]
    for index, device in enumerate(software, n_seen):
        name = f"{LABELS[kind]}{index}"
        yield GpuDevice(name, device.name, kind, "software", number=str(device.number)), None


def _as_event(device: GpuDevice) -> Found:
    return Found(
        device.name,
        device.description,
        device.kind,
        device.total_bytes,
        device.free_bytes,
        device.number,
    )


def _tell(event: Event) -> None:
    sys.stdout.write(encode_event(event) + "\n")
    sys.stdout.flush()
