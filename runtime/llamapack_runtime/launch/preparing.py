"""Decides what computes and with how much memory, before anything is loaded."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from llamapack_runtime.gguf_header import GgufHeader
from llamapack_runtime.hardware.attention import is_plain_faster, plan_attention
from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.hardware.cpus import cpu_name
from llamapack_runtime.hardware.memory import available_memory
from llamapack_runtime.hardware.plan import FlashAttention, KvType, LoadPlan, ModelFacts, Wanted
from llamapack_runtime.hardware.probe import choose_hardware
from llamapack_runtime.launch.source import ModelSource, quantizations
from llamapack_runtime.paths import Paths, make_private
from llamapack_runtime.settings import Settings

PROBE_BUDGET_S = 2.0


@dataclass(frozen=True, slots=True)
class Preparation:
    header: GgufHeader
    choice: HardwareChoice
    plan: LoadPlan

    @property
    def words(self) -> str:
        """For the page: "AMD EPYC 7B13 (zen4), 2 threads"."""
        count = self.choice.n_threads
        threads = "1 thread" if count == 1 else f"{count} threads"
        return f"{cpu_name()} ({self.choice.variant.name}), {threads}"


def prepare(source: ModelSource, settings: Settings, paths: Paths) -> Preparation:
    """At most some seconds, and those only once for a computer. HardwareError when no CPU variant
    works or the model does not fit; ModelUnusable when the file is no good."""
    header = source.read_header()
    facts = ModelFacts.from_metadata(header.metadata, source.size)
    plan = plan_attention(
        facts,
        wanted(settings),
        available_memory(),
        # Checked against the same words when it was read.
        cast("FlashAttention", settings.flash_attn),
        is_plain=is_plain_faster(),
    )
    choice = choose_hardware(
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
    return Preparation(header, choice, plan)


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
