"""Puts the engine together: its context, thread pools, saved states, and how many sequences the
cache holds."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from llamapack_runtime.engine.backend import LlamaBackend
from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.engine import Engine
from llamapack_runtime.engine.errors import LibraryError
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.speculate import MAX_DRAFT
from llamapack_runtime.engine.states import StateStore
from llamapack_runtime.engine.threadpools import ThreadPools
from llamapack_runtime.engine.tuner import ThreadTuner
from llamapack_runtime.engine.types import Adapters, adapter_set
from llamapack_runtime.hardware.choice import HardwareChoice
from llamapack_runtime.hardware.cpus import usable_cpus
from llamapack_runtime.hardware.gemm import LEAST_TOKENS
from llamapack_runtime.hardware.plan import LoadPlan
from llamapack_runtime.hardware.spare import SpareProcessors
from llamapack_runtime.hardware.threads import pool_candidates, pool_setting
from llamapack_runtime.launch.adapters import AdapterSource, content_of, open_adapters
from llamapack_runtime.launch.drafting import OpenDraft
from llamapack_runtime.launch.source import ModelSource
from llamapack_runtime.paths import Paths
from llamapack_runtime.settings import Settings

logger = logging.getLogger(__name__)

# Sequences that stay in the cache after their requests, besides those that run.
_IDLE_SLOTS = 16
_MOST_SLOTS = 256  # LLAMA_MAX_SEQ
# Saved states may take this share of the memory that is left once the model is loaded.
_RAM_SHARE = 0.25
# System prompts on disk: 128 KB a token for an 8B model.
_DISK_BYTES = 1 << 30
_MIB = 1 << 20
# To be raised with whatever changes what a state holds of the same tokens; see Context.
_LAYOUT = 1


@dataclass(frozen=True, slots=True)
class Slots:
    """How many sequences the cache holds, and how many rows of logits a step may have."""

    sequences: int
    rows: int


def slots_for(model: Model, n_parallel: int) -> Slots:
    """Recurrent models pay for each sequence, whether it is used or not."""
    idle = 0 if model.is_recurrent else _IDLE_SLOTS
    sequences = min(n_parallel + idle, _MOST_SLOTS)
    return Slots(sequences, sequences + MAX_DRAFT)


def open_context(
    model: Model,
    plan: LoadPlan,
    choice: HardwareChoice,
    adapters: Iterable[AdapterSource] = (),
) -> Context:
    """With the adapters, checked before, in memory. Whoever opens it closes it."""
    slots = slots_for(model, plan.n_seq_max)
    is_idle = _is_processor_idle(plan)
    return Context(
        model,
        n_ctx=plan.n_ctx,
        n_seq_max=slots.sequences,
        n_rows=slots.rows,
        n_batch=plan.n_batch,
        n_ubatch=plan.n_ubatch,
        n_threads=1 if is_idle else choice.n_threads,
        n_threads_batch=1 if is_idle else choice.n_threads_batch,
        flash_attention=plan.flash_attn,
        type_k=plan.type_k,
        type_v=plan.type_v,
        loras=open_adapters(model, adapters),
    )


def open_engine(
    model: Model,
    context: Context,
    source: ModelSource,
    plan: LoadPlan,
    choice: HardwareChoice,
    settings: Settings,
    paths: Paths,
    draft: OpenDraft | None = None,
) -> Engine:
    """The engine takes over the context, and the draft. It closes all that is opened here."""
    spare = SpareProcessors()
    spare()  # the next answer is about the time from here
    pools = open_pools(context.handle, choice.variant.path)
    if pools is not None and draft is not None and draft.context is not None:
        pools.share(draft.context.handle)
    is_idle = _is_processor_idle(plan)
    tuner = ThreadTuner(
        pool_candidates(usable_cpus(), 1 if is_idle else settings.threads),
        pool_setting(1 if is_idle else choice.n_threads),
    )
    return Engine(
        LlamaBackend(
            model,
            context,
            pools,
            tuner,
            spare,
            sleeps_from=None if choice.gemm is None else LEAST_TOKENS,
        ),
        n_parallel=plan.n_seq_max,
        speculates=settings.spec_type != "none",
        shifts_context=settings.context_shift,
        states=_open_states(source, model, context, plan, settings, paths),
        drafter=None if draft is None else draft.drafter,
    )


def _is_processor_idle(plan: LoadPlan) -> bool:
    """Whether all is computed by a graphics card: more than one thread would only wait for it."""
    return plan.offload is not None and plan.offload.n_layers_there == plan.offload.n_layers


def open_pools(context_handle: int, cpu_backend: Path) -> ThreadPools | None:
    """None where the libraries have none: each step starts threads of its own then."""
    try:
        return ThreadPools(cpu_backend, context_handle)
    except LibraryError as error:
        logger.warning("%s", error)
        return None


def _open_states(
    source: ModelSource,
    model: Model,
    context: Context,
    plan: LoadPlan,
    settings: Settings,
    paths: Paths,
) -> StateStore:
    ram = settings.cache_ram
    spare = max(0, plan.free_bytes - plan.needed_bytes)
    return StateStore(
        ram_bytes=int(spare * _RAM_SHARE / source.n_sharing) if ram is None else ram * _MIB,
        folder=paths.cache / "states",
        disk_bytes=_DISK_BYTES,
        token_bytes=max(1, plan.cell_bytes),
        fingerprint=fingerprint(source, model, context, plan),
        packed=source.state,
        adapters=default_adapters(source),
    )


def default_adapters(source: ModelSource) -> Adapters:
    """Those that act by themselves."""
    return adapter_set({one.name: one.scale for one in source.adapters})


def fingerprint(source: ModelSource, model: Model, context: Context, plan: LoadPlan) -> bytes:
    """All that a state depends on besides its tokens: the model with the adapters that act by
    themselves, llama.cpp, the cache's layout. The same on every computer."""
    parts = (
        _LAYOUT,
        source.content,
        source.engine,
        plan.type_k,
        plan.type_v,
        plan.flash_attn,
        _has_long_positions(model, context),
    )
    acting = content_of(source.adapters)
    return "\n".join(map(str, (*parts, *([acting] if acting else [])))).encode()


def _has_long_positions(model: Model, context: Context) -> bool:
    """Some models have two tables for the rotation of positions; llama.cpp takes the second when
    the context is longer than the model was first trained with."""
    architecture = model.metadata.get("general.architecture")
    text = model.metadata.get(f"{architecture}.rope.scaling.original_context_length", "")
    return context.n_ctx > (int(text) if text.isdecimal() else model.n_ctx_train)
