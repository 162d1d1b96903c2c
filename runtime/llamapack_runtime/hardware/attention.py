"""Whether to compute attention with llama.cpp's fused kernel ("flash attention"). Pure.

On x86-64 processors ggml's fused kernel takes one row at a time unless a step has 64 tokens, while
the plain way is a matrix product. SmolLM2-135M, f16 cache, 4,096 cells, two threads: one token
32 ms instead of 59, eight tokens 116 ms instead of 363, 128 tokens 16 ms a token instead of 24.
Plain attention keeps a score for each head and cell of every token computed at once, so it needs
memory, which a smaller micro-batch bounds, and a cache that is not quantised."""

from __future__ import annotations

import platform
from dataclasses import replace

from llamapack_runtime.hardware.errors import HardwareError
from llamapack_runtime.hardware.memory import MemoryLimits
from llamapack_runtime.hardware.plan import (
    FlashAttention,
    LoadPlan,
    ModelFacts,
    Wanted,
    plan_load,
)

# Tokens computed at once; larger micro-batches were no faster.
PLAIN_UBATCH = 128
# The scores may take this much more memory than fused attention.
_MOST_MORE_BYTES = 256 << 20
_PLAIN_TYPES = (None, "f16", "f32", "bf16")


def is_plain_faster() -> bool:
    """Where it was measured to be. ARM processors and GPUs keep llama.cpp's own choice."""
    return platform.machine().lower() in ("x86_64", "amd64")


def plan_attention(
    model: ModelFacts,
    wanted: Wanted,
    memory: MemoryLimits,
    asked: FlashAttention,
    *,
    is_plain: bool,
) -> LoadPlan:
    """As `plan_load`, with the kind of attention that was asked for, and for "auto" the plain one
    where `is_plain` says that it is faster and the plan has to give up nothing for it."""
    fused = plan_load(model, replace(wanted, flash_attention=asked != "off"), memory)
    is_possible = {wanted.type_k, wanted.type_v} <= set(_PLAIN_TYPES)
    if asked == "auto" and is_plain and is_possible:
        small = min(wanted.n_ubatch, PLAIN_UBATCH)
        try:
            plain = plan_load(model, replace(wanted, flash_attention=False, n_ubatch=small), memory)
        except HardwareError:
            return fused
        if not plain.notes and plain.needed_bytes <= fused.needed_bytes + _MOST_MORE_BYTES:
            return replace(plain, flash_attn="off")
    return replace(fused, flash_attn=asked)
