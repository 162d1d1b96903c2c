"""How much an embedder may read at once, and whether that fits into memory. Pure arithmetic."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

from llamapack_runtime.gguf_header import GgufHeader
from llamapack_runtime.hardware.memory import MemoryLimits
from llamapack_runtime.hardware.plan import (
    DEFAULT_CTX,
    FlashAttention,
    KvType,
    LoadPlan,
    ModelFacts,
    Wanted,
    plan_load,
)
from llamapack_runtime.model_kind import ENCODERS, reads_whole_inputs
from llamapack_runtime.settings import Settings

_MOST_SEQUENCES = 32  # a power of two, as llama.cpp's context lengths are multiples of 256
_USUAL_BATCH = 512
_LEAST_BATCH = 32
# llama.cpp computes the logits of every token of an embedding, too, and keeps them.
_LOGIT_BYTES = 64 << 20


def plan_embedding(
    header: GgufHeader, weights_bytes: int, settings: Settings, memory: MemoryLimits
) -> LoadPlan:
    """For a model that only embeds: its own length, at most 8,192 tokens unless --ctx-size asks for
    more. HardwareError when it does not fit."""
    most = header.context_length or DEFAULT_CTX
    n_ctx = settings.ctx_size if settings.ctx_size is not None else DEFAULT_CTX
    n_ctx = min(n_ctx or most, most)
    facts = _facts(header, weights_bytes)
    if settings.ctx_size is not None:
        return _plan(facts, header, settings, n_ctx, memory)
    # Named by nobody, it may be shortened.
    return _plan(replace(facts, n_ctx_train=n_ctx), header, settings, None, memory)


def plan_beside_chat(
    header: GgufHeader, settings: Settings, n_ctx: int, memory: MemoryLimits
) -> LoadPlan:
    """For a model whose weights are in memory already. HardwareError when it does not fit."""
    return _plan(_facts(header, 0), header, settings, n_ctx, memory)


def _facts(header: GgufHeader, weights_bytes: int) -> ModelFacts:
    facts = ModelFacts.from_metadata(header.metadata, weights_bytes)
    if header.architecture in ENCODERS:
        return replace(facts, n_vocab=0, k_elements=0, v_elements=0)  # no logits, no cache
    return facts


def _plan(
    facts: ModelFacts,
    header: GgufHeader,
    settings: Settings,
    n_ctx: int | None,
    memory: MemoryLimits,
) -> LoadPlan:
    n_batch = facts.n_ctx_train if n_ctx is None else n_ctx
    if not reads_whole_inputs(header):
        n_batch = min(n_batch, _batch_for(facts.n_vocab))
    # Checked against the same words when they were read.
    attention = cast("FlashAttention", settings.flash_attn)
    wanted = Wanted(
        n_ctx=n_ctx,
        n_seq_max=_MOST_SEQUENCES,
        n_batch=n_batch,
        n_ubatch=n_batch,
        type_k=cast("KvType | None", settings.cache_type_k),
        type_v=cast("KvType | None", settings.cache_type_v),
        flash_attention=attention != "off",
    )
    return replace(plan_load(facts, wanted, memory), flash_attn=attention)


def _batch_for(n_vocab: int) -> int:
    """As many tokens as have room for their logits."""
    return max(_LEAST_BATCH, min(_USUAL_BATCH, _LOGIT_BYTES // (4 * max(1, n_vocab))))
