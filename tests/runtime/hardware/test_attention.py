from __future__ import annotations

from dataclasses import replace

import pytest

from llamapack_runtime.hardware.attention import PLAIN_UBATCH, plan_attention
from llamapack_runtime.hardware.memory import MemoryLimits
from llamapack_runtime.hardware.plan import LoadPlan, Wanted
from runtime.hardware.test_plan import MODEL

WANTED = Wanted()
ROOMY = MemoryLimits(64 << 30, 48 << 30, "machine")


def plan(wanted: Wanted = WANTED, **options: object) -> LoadPlan:
    chosen = {"asked": "auto", "is_plain": True, "memory": ROOMY} | options
    return plan_attention(MODEL, wanted, chosen.pop("memory"), **chosen)  # type: ignore[arg-type]  # passed on as they are


def test_plain_attention_is_taken_where_it_is_faster() -> None:
    assert (plan().flash_attn, plan().n_ubatch) == ("off", PLAIN_UBATCH)
    assert (plan(is_plain=False).flash_attn, plan(is_plain=False).n_ubatch) == ("auto", 512)


def test_what_the_user_asks_for_is_done() -> None:
    assert plan(asked="on").flash_attn == "on"
    assert plan(asked="off", is_plain=False).flash_attn == "off"
    assert plan(Wanted(n_ubatch=64)).n_ubatch == 64


@pytest.mark.parametrize("kind", ["q8_0", "q4_0"])
def test_a_quantised_cache_needs_the_fused_kind(kind: str) -> None:
    assert plan(replace(WANTED, type_v=kind)).flash_attn == "auto"  # type: ignore[arg-type]  # one of the two


def test_plain_attention_may_not_take_much_more_memory() -> None:
    long = Wanted(n_ctx=131_072)
    assert plan(long) == plan(long, is_plain=False)


def test_nothing_is_given_up_for_plain_attention() -> None:
    tight = MemoryLimits(64 << 30, plan().needed_bytes - 1, "machine")
    assert plan(memory=tight).flash_attn == "auto"
