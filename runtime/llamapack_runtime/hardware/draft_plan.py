"""How a draft model fits beside its model, which comes first. Pure arithmetic, as in `plan`."""

from __future__ import annotations

from dataclasses import dataclass

from llamapack_runtime.hardware.errors import MemoryTooSmall
from llamapack_runtime.hardware.memory import MemoryLimits
from llamapack_runtime.hardware.plan import (
    RESERVE_BYTES,
    FlashAttention,
    LoadPlan,
    ModelFacts,
    Wanted,
    plan_load,
    size_text,
)

# It reads little at once, and a step that waits for it shall not wait long.
_BATCH = 256
_NO_LIMIT = MemoryLimits(1 << 62, 1 << 62, "machine")


@dataclass(frozen=True, slots=True)
class DraftMemory:
    """`n_ctx` cells are shared by all sequences that it follows."""

    n_ctx: int
    n_batch: int
    needed_bytes: int


def plan_draft_memory(draft: ModelFacts, beside: LoadPlan) -> DraftMemory:
    """With as long a context as the model has itself, if the draft was trained for that.
    MemoryTooSmall with the numbers: nothing of the model's is given up for it."""
    flash: FlashAttention = beside.flash_attn
    wanted = Wanted(
        n_ctx=min(beside.n_ctx, draft.n_ctx_train or beside.n_ctx),
        n_batch=_BATCH,
        n_ubatch=_BATCH,
        flash_attention=flash != "off",
    )
    plan = plan_load(draft, wanted, _NO_LIMIT)
    needed = plan.needed_bytes - RESERVE_BYTES  # which the process has already
    free = beside.free_bytes - beside.needed_bytes
    if needed > free:
        raise MemoryTooSmall(
            f"It needs {size_text(needed)} besides the model, but {size_text(max(0, free))} is "
            "free; close other programs, or use a shorter --ctx-size."
        )
    return DraftMemory(plan.n_ctx, plan.n_batch, needed)
