"""Decides what computes and with how much memory, before anything is loaded."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from llamapack_runtime.gguf_header import GgufHeader
from llamapack_runtime.hardware.attention import is_plain_faster, plan_attention
from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.hardware.cpus import cpu_name
from llamapack_runtime.hardware.memory import available_memory
from llamapack_runtime.hardware.plan import FlashAttention, KvType, LoadPlan, ModelFacts, Wanted
from llamapack_runtime.hardware.probe import choose_hardware
from llamapack_runtime.launch import projector
from llamapack_runtime.launch.adapters import check_adapters
from llamapack_runtime.launch.drafting import DraftPlan, plan_draft, with_draft
from llamapack_runtime.launch.embed_plan import plan_embedding
from llamapack_runtime.launch.source import ModelSource, quantizations
from llamapack_runtime.model_kind import model_kind
from llamapack_runtime.paths import Paths, make_private
from llamapack_runtime.settings import Settings

PROBE_BUDGET_S = 2.0


@dataclass(frozen=True, slots=True)
class Preparation:
    header: GgufHeader
    choice: HardwareChoice
    plan: LoadPlan
    draft: DraftPlan | None = None

    @property
    def words(self) -> str:
        """For the page: "AMD EPYC 7B13 (zen4), 2 threads"."""
        count = self.choice.n_threads
        threads = "1 thread" if count == 1 else f"{count} threads"
        return f"{cpu_name()} ({self.choice.variant.name}), {threads}"


def prepare(
    source: ModelSource,
    settings: Settings,
    paths: Paths,
    taken_bytes: int = 0,
    choice: HardwareChoice | None = None,
) -> Preparation:
    """At most some seconds, and those only once for a computer. HardwareError when no CPU variant
    works or the model does not fit; ModelUnusable when the file is no good. `choice` was made for
    another model of this process, which can load one set of libraries; see `plan` for the rest."""
    header = source.read_header()
    check_adapters(source.adapters, header)
    projector.check(source.projector, header)
    fitting = plan(header, source.weight_bytes, settings, taken_bytes)
    draft = plan_draft(source.draft, (source.path, source.offset), header, fitting)
    choice = choice or choose_hardware(
        paths.libraries,
        paths.worker_command,
        _memory_folder(paths),
        source.image_key,
        quantizations(header),
        threads=settings.threads,
        threads_batch=settings.threads_batch or settings.threads,
        budget_s=PROBE_BUDGET_S,
        forced_variant=settings.cpu_variant,
        with_gemm=settings.gemm != "off",
    )
    return Preparation(header, choice, with_draft(fitting, draft), draft)


def plan(
    header: GgufHeader, weights_bytes: int, settings: Settings, taken_bytes: int = 0
) -> LoadPlan:
    """How it is loaded. Of what the system calls available, `taken_bytes` are not: the weights of
    other models, which are mapped. MemoryTooSmall when it does not fit."""
    memory = available_memory()
    memory = replace(memory, available_bytes=max(0, memory.available_bytes - taken_bytes))
    if model_kind(header) != "chat":
        return plan_embedding(header, weights_bytes, settings, memory)
    return plan_attention(
        ModelFacts.from_metadata(header.metadata, weights_bytes),
        wanted(settings),
        memory,
        # Checked against the same words when it was read.
        cast("FlashAttention", settings.flash_attn),
        is_plain=is_plain_faster(),
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
