"""How many layers fit onto a graphics processor, in tables: pure arithmetic."""

from __future__ import annotations

import pytest

from llamapack_runtime.hardware.errors import MemoryTooSmall
from llamapack_runtime.hardware.memory import MemoryLimits
from llamapack_runtime.hardware.offload import (
    AskedLayers,
    DeviceRoom,
    LayerBytes,
    plan_with_device,
)
from llamapack_runtime.hardware.plan import LoadPlan, Wanted
from runtime.hardware.test_plan import MODEL

GIB = 1 << 30
MIB = 1 << 20
# As in the 4.6 GiB of an 8B model: the table of tokens stays, the output matrix goes.
LAYERS = LayerBytes((130 * MIB,) * 32, 400 * MIB)
ROOMY = MemoryLimits(64 * GIB, 48 * GIB, "machine")


def plan(
    gib: float,
    asked: AskedLayers = "auto",
    memory: MemoryLimits = ROOMY,
    *,
    is_shared: bool = False,
    n_ctx: int | None = None,
) -> LoadPlan | None:
    room = DeviceRoom(int(gib * GIB), is_shared)
    return plan_with_device(MODEL, LAYERS, Wanted(n_ctx=n_ctx), memory, room, asked)


@pytest.mark.parametrize(
    ("gib", "words"),
    [
        (24, "all 32 layers"),
        (8, "all 32 layers"),
        (6, "30 of 32 layers"),
        (4, "18 of 32 layers"),
        (2, "6 of 32 layers"),
    ],
)
def test_as_many_layers_as_fit(gib: float, words: str) -> None:
    found = plan(gib)
    assert found is not None
    assert found.offload is not None
    assert found.offload.words == words
    assert found.offload.n_gpu_layers == found.offload.n_layers_there + 1  # and the output
    room = DeviceRoom(int(gib * GIB))
    assert found.offload.needed_bytes <= room.usable_bytes < room.free_bytes


def test_one_layer_more_would_not_fit() -> None:
    found, more = plan(4), plan(4, 20)
    assert found is not None
    assert more is not None
    assert found.offload is not None
    assert more.offload is not None
    assert more.offload.n_layers_there == found.offload.n_layers_there + 1
    assert more.offload.needed_bytes > DeviceRoom(4 * GIB).usable_bytes


def test_where_no_layer_fits_there_is_no_plan() -> None:
    assert plan(1) is None
    assert plan(0) is None


def test_a_longer_context_leaves_room_for_fewer_layers() -> None:
    short, long = plan(6, n_ctx=4096), plan(6, n_ctx=65536)
    assert short is not None
    assert long is not None
    assert short.offload is not None
    assert long.offload is not None
    assert long.offload.n_layers_there < short.offload.n_layers_there


@pytest.mark.parametrize(
    ("asked", "words"), [(1, "0 of 32 layers"), (11, "10 of 32 layers"), (99, "all 32 layers")]
)
def test_a_number_that_was_asked_for_is_taken_as_it_is(asked: int, words: str) -> None:
    found = plan(1, asked)
    assert found is not None
    assert found.offload is not None
    assert found.offload.words == words


def test_what_is_on_the_device_need_not_be_in_memory() -> None:
    little = MemoryLimits(16 * GIB, 2 * GIB, "machine")
    found = plan(8, memory=little)
    assert found is not None
    assert found.needed_bytes < 2 * GIB
    assert found.n_ctx == 8192
    with pytest.raises(MemoryTooSmall):
        plan(2, memory=little)


def test_memory_that_is_shared_is_counted_in_full() -> None:
    own, shared = plan(8), plan(8, is_shared=True)
    assert own is not None
    assert shared is not None
    assert shared.needed_bytes > own.needed_bytes + 4 * GIB
    assert shared.cell_bytes == own.cell_bytes == 128 << 10


def test_the_bytes_of_layers_are_read_off_the_tensors() -> None:
    sizes = [("token_embd.weight", 7), ("blk.0.attn_q.weight", 2), ("blk.0.ffn_up.weight", 3)]
    sizes += [("blk.1.attn_q.weight", 5), ("output_norm.weight", 1), ("blk.9.odd", 100)]
    assert LayerBytes.of(sizes, 2) == LayerBytes((5, 5), 8)
    assert LayerBytes.of([*sizes, ("output.weight", 9)], 2) == LayerBytes((5, 5), 10)
