"""What fits into memory, in tables: pure arithmetic."""

from __future__ import annotations

import pytest

from llamapack_runtime.hardware.errors import HardwareError
from llamapack_runtime.hardware.memory import MemoryLimits
from llamapack_runtime.hardware.plan import (
    ModelFacts,
    Wanted,
    kv_bytes_per_cell,
    plan_load,
)

GIB = 1 << 30
LLAMA_8B: dict[str, object] = {
    "general.architecture": "llama",
    "llama.block_count": 32,
    "llama.embedding_length": 4096,
    "llama.feed_forward_length": 14336,
    "llama.attention.head_count": 32,
    "llama.attention.head_count_kv": 8,
    "llama.context_length": 131072,
    "llama.vocab_size": 128256,
}
MODEL = ModelFacts.from_metadata(LLAMA_8B, int(4.6 * GIB))


def free(gib: float) -> MemoryLimits:
    return MemoryLimits(64 * GIB, int(gib * GIB), "machine")


def test_the_cache_of_an_8b_model_takes_128_kib_a_token() -> None:
    assert kv_bytes_per_cell(MODEL, "f16", "f16") == 128 << 10
    assert kv_bytes_per_cell(MODEL, "q8_0", "q8_0") == 68 << 10


def test_smollm2_as_llama_cpp_reports_it() -> None:
    """Seen in its log: 180.00 MiB of cache at 8192 cells, 98.25 MiB of compute buffers."""
    metadata = LLAMA_8B | {
        "llama.block_count": 30,
        "llama.embedding_length": 576,
        "llama.feed_forward_length": 1536,
        "llama.attention.head_count": 9,
        "llama.attention.head_count_kv": 3,
        "llama.vocab_size": 49152,
    }
    model = ModelFacts.from_metadata(metadata, 0)
    plan = plan_load(model, Wanted(n_ctx=8192), free(8))
    reserve = 96 << 20
    assert plan.needed_bytes - reserve == (180 << 20) + int(98.25 * (1 << 20))


@pytest.mark.parametrize(
    ("gib", "n_ctx", "kind"),
    [
        (16, 8192, "f16"),  # the default: not the 131072 that the model claims
        (5.85, 7168, "f16"),
        (5.5, 4096, "f16"),
        (5.45, 7168, "q8_0"),  # rather half the precision than less than half the context
        (5.1, 2048, "q8_0"),
    ],
)
def test_less_memory_means_a_shorter_context_then_a_smaller_cache(
    gib: float, n_ctx: int, kind: str
) -> None:
    plan = plan_load(MODEL, Wanted(), free(gib))
    assert (plan.n_ctx, plan.type_k, plan.type_v) == (n_ctx, kind, kind)
    assert plan.needed_bytes <= plan.free_bytes
    assert bool(plan.notes) == (n_ctx < 8192)


def test_more_memory_never_gives_less() -> None:
    plans = [plan_load(MODEL, Wanted(n_seq_max=4), free(5.4 + step / 20)) for step in range(60)]
    worth = [(plan.type_k == "f16", plan.n_ctx) for plan in plans]
    assert worth == sorted(worth)


def test_a_short_model_gets_no_more_than_it_was_trained_for() -> None:
    model = ModelFacts.from_metadata(LLAMA_8B | {"llama.context_length": 2048}, GIB)
    assert plan_load(model, Wanted(n_seq_max=4), free(32)).n_ctx == 2048


def test_what_is_too_large_is_refused_with_the_numbers() -> None:
    with pytest.raises(HardwareError, match=r"^Model needs 5\.0 GiB but 4\.0 GiB is free; close"):
        plan_load(MODEL, Wanted(), free(4))


def test_a_context_that_the_user_named_is_refused_and_the_fitting_one_named() -> None:
    wanted = Wanted(n_ctx=131072)
    with pytest.raises(
        HardwareError, match=r"131072 tokens but 8\.0 GiB is free; try --ctx-size (\d+)"
    ) as caught:
        plan_load(MODEL, wanted, free(8))
    size = int(str(caught.value).rpartition(" ")[2].rstrip("."))
    assert plan_load(MODEL, Wanted(n_ctx=size), free(8)).n_ctx == size
    with pytest.raises(HardwareError):
        plan_load(MODEL, Wanted(n_ctx=size + 256), free(8))


def test_a_named_context_may_still_get_a_smaller_cache() -> None:
    plan = plan_load(MODEL, Wanted(n_ctx=16384), free(6.5))
    assert (plan.n_ctx, plan.type_k, len(plan.notes)) == (16384, "q8_0", 1)


@pytest.mark.parametrize(
    "wanted",
    [
        Wanted(n_ctx=16384, flash_attention=False),
        Wanted(n_ctx=16384, type_k="f16"),
        Wanted(n_ctx=16384, type_v="f16"),
    ],
    ids=["without flash attention", "named key type", "named value type"],
)
def test_the_cache_is_not_quantised_against_the_user(wanted: Wanted) -> None:
    with pytest.raises(HardwareError):
        plan_load(MODEL, wanted, free(6.5))


def test_zero_asks_for_the_model_s_own_context() -> None:
    assert plan_load(MODEL, Wanted(n_ctx=0), free(64)).n_ctx == 131072


def test_the_context_is_rounded_up_as_llama_cpp_does() -> None:
    assert plan_load(MODEL, Wanted(n_ctx=1000), free(16)).n_ctx == 1024


def test_batches_are_no_longer_than_the_context() -> None:
    plan = plan_load(MODEL, Wanted(n_ctx=256), free(16))
    assert (plan.n_batch, plan.n_ubatch) == (256, 256)


def test_heads_that_differ_between_layers_are_summed() -> None:
    metadata = LLAMA_8B | {
        "llama.block_count": 3,
        "llama.attention.head_count_kv": (8, 0, 4),
        "llama.attention.key_length": 64,
        "llama.attention.value_length": 32,
    }
    model = ModelFacts.from_metadata(metadata, GIB)
    assert (model.k_elements, model.v_elements) == (12 * 64, 12 * 32)


def test_odd_heads_cannot_be_quantised() -> None:
    metadata = LLAMA_8B | {"llama.attention.key_length": 80}
    assert not ModelFacts.from_metadata(metadata, GIB).can_quantize_kv


@pytest.mark.parametrize(
    "metadata",
    [
        {},
        {"general.architecture": "llama"},
        LLAMA_8B | {"llama.block_count": (1 << 32) - 1},
        LLAMA_8B | {"llama.block_count": "many"},
        LLAMA_8B | {"llama.attention.head_count": 0, "llama.attention.head_count_kv": -5},
        LLAMA_8B | {"llama.attention.head_count": (), "llama.embedding_length": 3.5},
        LLAMA_8B | {"llama.context_length": 1 << 63, "general.architecture": 7},
    ],
    ids=str,
)
def test_a_header_of_nonsense_still_gives_a_plan(metadata: dict[str, object]) -> None:
    model = ModelFacts.from_metadata(metadata, GIB)
    memory = MemoryLimits(1 << 62, 1 << 62, "machine")
    assert plan_load(model, Wanted(), memory).n_ctx >= 256
