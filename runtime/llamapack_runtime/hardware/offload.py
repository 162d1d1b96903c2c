"""How many layers of a model fit into the memory of a graphics processor, and what that leaves for
the computer's own. Pure arithmetic on numbers from the GGUF header; knows nothing of devices.

llama.cpp puts the last layers there first, and what comes after all layers (the output) before any
of them; the table of tokens stays with the processor. Each layer brings its part of the cache."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Literal

from llamapack_runtime.hardware.memory import MemoryLimits
from llamapack_runtime.hardware.plan import (
    FlashAttention,
    LoadPlan,
    ModelFacts,
    Offload,
    Wanted,
    compute_bytes,
    kv_bytes_per_cell,
    plan_load,
)

# What is left to others and to the driver: a tenth of what is free, within these bounds.
_LEAST_RESERVE, _MOST_RESERVE = 256 << 20, 1 << 30
_LAYER = re.compile(r"blk\.(\d+)\.")
_NO_LIMIT = MemoryLimits(1 << 62, 1 << 62, "machine")

AskedLayers = int | Literal["auto", "all"]


@dataclass(frozen=True, slots=True)
class LayerBytes:
    """Of the weights: of each layer, and of what comes after them all."""

    layers: tuple[int, ...]
    output: int

    @classmethod
    def of(cls, sizes: Iterable[tuple[str, int]], n_layers: int) -> LayerBytes:
        """From the names and bytes of the tensors. Models without an output matrix use the table of
        tokens in its place, which is there twice then."""
        layers, named = [0] * n_layers, dict[str, int]()
        for name, size in sizes:
            found = _LAYER.match(name)
            if found is None:
                named[name] = size
            elif int(found[1]) < n_layers:
                layers[int(found[1])] += size
        output = sum(size for name, size in named.items() if name.startswith("output"))
        if "output.weight" not in named:
            output += named.get("token_embd.weight", 0)
        return cls(tuple(layers), output)


@dataclass(frozen=True, slots=True)
class DeviceRoom:
    """`is_shared`: it is the computer's own memory."""

    free_bytes: int
    is_shared: bool = False

    @property
    def usable_bytes(self) -> int:
        reserve = min(max(self.free_bytes // 10, _LEAST_RESERVE), _MOST_RESERVE)
        return self.free_bytes - reserve


def plan_with_device(
    model: ModelFacts,
    layers: LayerBytes,
    wanted: Wanted,
    memory: MemoryLimits,
    room: DeviceRoom,
    asked: AskedLayers = "auto",
    attention: FlashAttention = "auto",
) -> LoadPlan | None:
    """As `plan_load`, with as many layers on the device as were asked for, or as fit. None when not
    a single one does. MemoryTooSmall when what stays does not fit into the computer's memory."""
    wanted = replace(wanted, flash_attention=attention != "off")
    # With the context that would be taken if nothing were scarce; a shorter one needs less.
    ample = plan_load(model, wanted, _NO_LIMIT)
    offload = fit_layers(model, layers, ample, wanted, room, asked)
    if offload is None:
        return None
    rest = model if room.is_shared else _without(model, offload)
    plan = plan_load(rest, wanted, memory)
    cell_bytes = kv_bytes_per_cell(model, plan.type_k, plan.type_v)
    return replace(plan, flash_attn=attention, cell_bytes=cell_bytes, offload=offload)


def fit_layers(
    model: ModelFacts,
    layers: LayerBytes,
    plan: LoadPlan,
    wanted: Wanted,
    room: DeviceRoom,
    asked: AskedLayers = "auto",
) -> Offload | None:
    """The most layers that fit beside their cache and what computing takes."""
    n_all = len(layers.layers)
    if asked != "auto":
        count = n_all if asked == "all" else min(asked - 1, n_all)
        return _offload(model, layers, plan, wanted, room, max(0, count))
    for count in range(n_all, 0, -1):
        offload = _offload(model, layers, plan, wanted, room, count)
        if offload.needed_bytes <= room.usable_bytes:
            return offload
    return None


def _offload(
    model: ModelFacts,
    layers: LayerBytes,
    plan: LoadPlan,
    wanted: Wanted,
    room: DeviceRoom,
    count: int,
) -> Offload:
    """With the last `count` layers, and the output."""
    n_all = len(layers.layers)
    weights_bytes = sum(layers.layers[n_all - count :]) + layers.output
    # Not every model's layers have caches of the same size; on average they do.
    cache_bytes = -(-plan.cell_bytes * plan.n_ctx * count // max(1, n_all))
    computing = compute_bytes(model, wanted, plan)
    needed_bytes = weights_bytes + cache_bytes + computing
    return Offload(count + 1, n_all, weights_bytes, needed_bytes, room.free_bytes)


def _without(model: ModelFacts, offload: Offload) -> ModelFacts:
    """What the computer's own memory has to hold."""
    n_all = max(1, offload.n_layers)
    stays = n_all - offload.n_layers_there
    return replace(
        model,
        weights_bytes=max(0, model.weights_bytes - offload.weights_bytes),
        k_elements=-(-model.k_elements * stays // n_all),
        v_elements=-(-model.v_elements * stays // n_all),
    )
