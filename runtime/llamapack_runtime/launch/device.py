"""The graphics card that was chosen, in this process: opened, asked for its memory, and told of."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from llamapack_runtime.api.service import GpuWords
from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.hardware.gpu_choice import OTHER_KIND, GpuChoice, GpuResult
from llamapack_runtime.hardware.gpu_libraries import VULKAN_DEVICES
from llamapack_runtime.hardware.offload import AskedLayers, DeviceRoom
from llamapack_runtime.hardware.plan import LoadPlan, Offload
from llamapack_runtime.model_kind import Kind
from llamapack_runtime.paths import Paths

if TYPE_CHECKING:
    from llamapack_runtime.engine.errors import EngineError

logger = logging.getLogger(__name__)


def open_libraries(choice: HardwareChoice, paths: Paths) -> None:
    """Those of the choice. LibraryError."""
    from llamapack_runtime.engine.lib import load_library  # a start without a model needs none

    device, variant = choice.gpu.device, choice.variant.path
    if device is None:
        load_library(paths.libraries, variant, choice.gemm)
        return
    visible = {VULKAN_DEVICES: device.number} if device.number else {}
    load_library(paths.libraries, variant, choice.gemm, choice.gpu.library, visible)


def open_device(choice: HardwareChoice, paths: Paths) -> tuple[HardwareChoice, DeviceRoom | None]:
    """The room on the chosen graphics card, whose library is loaded, and the choice without the
    GEMM library: the card takes the wide products. Where that fails, nothing is loaded, and the
    choice is without the card."""
    device = choice.gpu.device
    if device is None:
        return choice, None
    from llamapack_runtime.engine.devices import free_device_bytes  # see `open_libraries`
    from llamapack_runtime.engine.errors import LibraryError

    alone = replace(choice, gemm=None)
    try:
        open_libraries(alone, paths)
        free = free_device_bytes(device.native_name)
    except LibraryError as error:
        return replace(choice, gpu=_failed(choice.gpu, error)), None
    is_shared = device.kind != "gpu"
    return alone, DeviceRoom(free or device.total_bytes, is_shared)


def _failed(gpu: GpuChoice, error: EngineError) -> GpuChoice:
    title = "" if gpu.device is None else gpu.device.title
    logger.warning("%s cannot be used: %s", title, error)
    return GpuChoice(GpuResult(title, "failed", str(error).rstrip(".")))


def gpu_for(gpu: GpuChoice, plan: LoadPlan, kind: Kind) -> GpuChoice:
    """What comes of the choice for a model that is loaded as in `plan`."""
    if gpu.device is None or plan.offload is not None:
        return gpu
    if kind != "chat":
        return OTHER_KIND
    return GpuChoice(GpuResult(gpu.device.title, "too_small"))


def asked_layers(text: str) -> AskedLayers:
    """Of the setting, which was checked when it was read."""
    if text == "auto":
        return "auto"
    return "all" if text in ("all", "-1") else int(text)


def gpu_words(gpu: GpuChoice, offload: Offload | None) -> GpuWords:
    """For the page and the API."""
    result = gpu.result
    return GpuWords(
        code=result.code,
        device=result.title,
        times=round(result.times, 1),
        layers=0 if offload is None else offload.n_layers_there,
        of_layers=0 if offload is None else offload.n_layers,
        reason=gpu.reason,
    )
