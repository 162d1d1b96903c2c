"""Decides what computes and with how much memory, before anything is loaded."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from llamapack_runtime.api.service import GpuWords
from llamapack_runtime.gguf_header import GgufHeader
from llamapack_runtime.hardware.attention import is_plain_faster, plan_attention
from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.hardware.cpus import cpu_name
from llamapack_runtime.hardware.gpu_choice import NO_LIBRARY, OTHER_KIND, GpuChoice, GpuResult
from llamapack_runtime.hardware.gpu_libraries import list_gpu_libraries
from llamapack_runtime.hardware.gpu_probe import choose_gpu
from llamapack_runtime.hardware.memory import available_memory
from llamapack_runtime.hardware.offload import DeviceRoom, LayerBytes, plan_with_device
from llamapack_runtime.hardware.plan import FlashAttention, KvType, LoadPlan, ModelFacts, Wanted
from llamapack_runtime.hardware.probe import choose_hardware
from llamapack_runtime.launch import projector
from llamapack_runtime.launch.adapters import check_adapters
from llamapack_runtime.launch.device import asked_layers, gpu_for, gpu_words, open_device
from llamapack_runtime.launch.drafting import DraftPlan, plan_draft, with_draft
from llamapack_runtime.launch.embed_plan import plan_embedding
from llamapack_runtime.launch.source import ModelSource, quantizations
from llamapack_runtime.model_kind import model_kind
from llamapack_runtime.paths import Paths, make_private
from llamapack_runtime.settings import Settings

PROBE_BUDGET_S = 2.0
_REFUSED = "The graphics card did not take "


@dataclass(frozen=True, slots=True)
class Preparation:
    """`gpu` is what comes of the choice's for this model: it may be too large for the device."""

    header: GgufHeader
    choice: HardwareChoice
    plan: LoadPlan
    draft: DraftPlan | None = None
    gpu: GpuChoice = NO_LIBRARY

    @property
    def words(self) -> str:
        """For the page: "AMD EPYC 7B13 (zen4), 2 threads"."""
        count = self.choice.n_threads
        threads = "1 thread" if count == 1 else f"{count} threads"
        cpu = f"{cpu_name()} ({self.choice.variant.name}), {threads}"
        if self.gpu.device is None or self.plan.offload is None:
            return cpu
        return f"{self.gpu.device.title}, {self.plan.offload.words}; {cpu}"

    @property
    def gpu_words(self) -> GpuWords:
        return gpu_words(self.gpu, self.plan.offload)


def prepare(
    source: ModelSource,
    settings: Settings,
    paths: Paths,
    taken_bytes: int = 0,
    choice: HardwareChoice | None = None,
) -> Preparation:
    """At most some seconds, and those only once for a computer. HardwareError when no CPU variant
    works or the model does not fit; ModelUnusable when the file is no good. `choice` was made for
    another model of this process, which can load one set of libraries; see `plan` for the rest.
    Where a graphics card was chosen, the libraries are loaded: it alone knows what is free."""
    header = source.read_header()
    check_adapters(source.adapters, header)
    projector.check(source.projector, header)
    if not list_gpu_libraries(paths.libraries):
        # No graphics card can help: what does not fit is refused before anything is tried.
        plan(header, source.weight_bytes, settings, taken_bytes)
    choice = choice or _choose(source, header, settings, paths)
    room: DeviceRoom | None = None
    if model_kind(header) == "chat":
        choice, room = open_device(choice, paths)
    fitting = plan(header, source.weight_bytes, settings, taken_bytes, room)
    gpu = gpu_for(choice.gpu, fitting, model_kind(header))
    draft = plan_draft(source.draft, (source.path, source.offset), header, fitting)
    return Preparation(header, choice, with_draft(fitting, draft), draft, gpu)


def _choose(
    source: ModelSource, header: GgufHeader, settings: Settings, paths: Paths
) -> HardwareChoice:
    types, folder = quantizations(header), _memory_folder(paths)
    choice = choose_hardware(
        paths.libraries,
        paths.worker_command,
        folder,
        source.image_key,
        types,
        threads=settings.threads,
        threads_batch=settings.threads_batch or settings.threads,
        budget_s=PROBE_BUDGET_S,
        forced_variant=settings.cpu_variant,
        with_gemm=settings.gemm != "off",
    )
    if model_kind(header) != "chat":
        return replace(choice, gpu=OTHER_KIND)
    gpu = choose_gpu(
        paths.libraries,
        paths.worker_command,
        folder,
        source.image_key,
        types,
        choice,
        wish="off" if settings.gpu_layers == "0" else settings.gpu,
    )
    return replace(choice, gpu=gpu)


def with_fewer_layers(
    prepared: Preparation, source: ModelSource, settings: Settings, taken_bytes: int, cause: str
) -> Preparation:
    """For a model that the device did not take for this `cause`: with half of the layers there, and
    where that was tried already, with none. MemoryTooSmall where the computer's own memory cannot
    hold the rest."""
    device, offload = prepared.gpu.device, prepared.plan.offload
    assert device is not None, "there is a device that does not take it"
    assert offload is not None, "something was to be put there"
    half = offload.n_layers_there // 2
    is_first = not any(note.startswith(_REFUSED) for note in prepared.plan.notes)
    room, gpu = None, GpuChoice(GpuResult(device.title, "no_room", cause))
    note = f"{_REFUSED}{offload.words} ({cause})."
    if half and is_first:
        settings = replace(settings, gpu_layers=str(half + 1))
        room, gpu = DeviceRoom(offload.free_bytes, device.kind != "gpu"), prepared.gpu
    fitting = plan(prepared.header, source.weight_bytes, settings, taken_bytes, room)
    fitting = replace(fitting, notes=(*fitting.notes, note))
    return replace(prepared, plan=with_draft(fitting, prepared.draft), gpu=gpu)


def plan(
    header: GgufHeader,
    weights_bytes: int,
    settings: Settings,
    taken_bytes: int = 0,
    room: DeviceRoom | None = None,
) -> LoadPlan:
    """How it is loaded, onto a device that has so much `room` as far as it fits. Of what the system
    calls available, `taken_bytes` are not: the weights of other models, which are mapped.
    MemoryTooSmall when it does not fit."""
    memory = available_memory()
    memory = replace(memory, available_bytes=max(0, memory.available_bytes - taken_bytes))
    if model_kind(header) != "chat":
        return plan_embedding(header, weights_bytes, settings, memory)
    facts = ModelFacts.from_metadata(header.metadata, weights_bytes)
    # Checked against the same words when it was read.
    attention = cast("FlashAttention", settings.flash_attn)
    there = None
    if room is not None:
        sizes = ((tensor.name, tensor.size_bytes) for tensor in header.tensors)
        layers = LayerBytes.of(sizes, facts.n_layers)
        asked = asked_layers(settings.gpu_layers)
        there = plan_with_device(facts, layers, wanted(settings), memory, room, asked, attention)
    return there or plan_attention(
        facts, wanted(settings), memory, attention, is_plain=is_plain_faster()
    )


def _memory_folder(paths: Paths) -> Path:
    """Where the choice is remembered. One that cannot be written only costs the next start time."""
    folder = paths.cache / "hardware"
    with contextlib.suppress(OSError):
        make_private(folder)
    return folder


def wanted(settings: Settings) -> Wanted:
    return Wanted(
        n_ctx=settings.ctx_size,
        n_seq_max=settings.parallel,
        n_batch=settings.batch_size,
        n_ubatch=settings.ubatch_size,
        # Checked against the same names when they were read.
        type_k=cast("KvType | None", settings.cache_type_k),
        type_v=cast("KvType | None", settings.cache_type_v),
    )
