"""How a model fits into memory: context length and KV cache type, decided before anything loads.
Pure arithmetic on numbers from the GGUF header; knows nothing of libraries or files.

What counts:
- weights: their whole size. They are memory-mapped, so the system could drop and read them again,
  but each token reads all of them: once they do not fit beside the rest, every token waits for the
  disk. So they must fit into what is available (file cache that can be dropped is part of that).
- KV cache: per cell, the sum over layers of (KV heads x (key + value length)) x bytes per element.
  A sliding window is counted in full, recurrent layers as if they were attention: never too little.
- compute buffers: for each token of a physical batch the larger of the last step (logits) and the
  attention step (mask, activations; without flash attention a score for each head and cell).
- a reserve for the process itself (Python, page, allocator).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from llamapack_runtime.hardware.errors import MemoryTooSmall
from llamapack_runtime.hardware.memory import MemoryLimits

KvType = Literal["f16", "q8_0", "f32", "bf16", "q4_0"]

# Bytes per element; a q8_0 block holds 32 elements in 34 bytes, a q4_0 block in 18.
KV_TYPE_BYTES: Mapping[KvType, float] = {
    "f32": 4.0,
    "f16": 2.0,
    "bf16": 2.0,
    "q8_0": 34 / 32,
    "q4_0": 18 / 32,
}
# Without --ctx-size a desktop chat gets the model's own length, at most this, which conversations
# that run at once share: long documents fit, and a model that claims 128k does not take the whole
# computer for it. Clearing the cache is also most of the time that a small model takes to load.
DEFAULT_CTX = 8192
# Below this a chat is no use; then we say that the model does not fit.
LEAST_CTX = 1024
# llama.cpp rounds contexts up to this.
_CTX_STEP = 256
_MOST_LAYERS = 4096  # more than llama.cpp takes; bounds the work that a hostile header can cause
RESERVE_BYTES = 96 << 20
# How many of the widest activations live at the same time: 1.8 to 4.5 were seen in the buffers that
# llama.cpp reported for two models; their sizes are met to the MiB by the rest of the formula.
_ACTIVATIONS = 6


@dataclass(frozen=True, slots=True)
class ModelFacts:
    """`k_elements` and `v_elements` are elements per cell summed over all layers. `widest` is the
    longest activation of one token. `can_quantize_kv` is false when a head's length does not divide
    into the blocks of the quantised types."""

    weights_bytes: int
    n_layers: int
    n_embd: int
    n_heads: int
    n_ctx_train: int
    n_vocab: int
    k_elements: int
    v_elements: int
    widest: int
    can_quantize_kv: bool

    @classmethod
    def from_metadata(cls, metadata: Mapping[str, object], weights_bytes: int) -> ModelFacts:
        """From a GGUF's key-value pairs, which may lack any key or hold nonsense: the parts that
        cannot be read count as small, llama.cpp itself refuses the model later if it must."""
        read = _Reader(metadata)
        layers = min(read.number("block_count"), _MOST_LAYERS)
        embedding = read.number("embedding_length")
        heads = read.per_layer("attention.head_count", layers, 1)
        kv_heads = read.per_layer("attention.head_count_kv", layers, None) or heads
        head_size = embedding // max(1, *heads) if heads else 0
        key = read.number("attention.key_length", head_size)
        value = read.number("attention.value_length", head_size)
        feed_forward = read.per_layer("feed_forward_length", layers, 4 * embedding)
        return cls(
            weights_bytes=weights_bytes,
            n_layers=layers,
            n_embd=embedding,
            n_heads=max([1, *heads]),
            n_ctx_train=read.number("context_length"),
            n_vocab=read.vocabulary(),
            k_elements=sum(kv_heads) * key,
            v_elements=sum(kv_heads) * value,
            widest=max([embedding, *feed_forward]),
            can_quantize_kv=key % 32 == 0 and value % 32 == 0 and key > 0,
        )


FlashAttention = Literal["auto", "on", "off"]


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the user asked for. `n_ctx` is the whole context, shared by `n_seq_max` sequences; None
    lets us choose, 0 is the model's own length. `type_k`/`type_v` None: f16, or q8_0 when only
    that fits."""

    n_ctx: int | None = None
    n_seq_max: int = 1
    n_batch: int = 512
    n_ubatch: int = 512
    type_k: KvType | None = None
    type_v: KvType | None = None
    flash_attention: bool = True


@dataclass(frozen=True, slots=True)
class Offload:
    """What of a model goes onto a graphics processor; see `offload.py`. `n_gpu_layers` is counted
    as llama.cpp does: one more than layers, for the output. `weights_bytes` are a part of
    `needed_bytes`."""

    n_gpu_layers: int
    n_layers: int
    weights_bytes: int
    needed_bytes: int
    free_bytes: int

    @property
    def n_layers_there(self) -> int:
        return min(max(0, self.n_gpu_layers - 1), self.n_layers)

    @property
    def words(self) -> str:
        """Such as "24 of 32 layers"."""
        if self.n_layers_there == self.n_layers:
            return f"all {self.n_layers} layers"
        return f"{self.n_layers_there} of {self.n_layers} layers"


@dataclass(frozen=True, slots=True)
class LoadPlan:
    """What to load with. `notes` are sentences for the user about everything that was reduced;
    `offload` is what the computer's own memory need not hold."""

    n_ctx: int
    n_seq_max: int
    n_batch: int
    n_ubatch: int
    type_k: KvType
    type_v: KvType
    needed_bytes: int
    free_bytes: int
    notes: tuple[str, ...] = ()
    flash_attn: FlashAttention = "auto"
    cell_bytes: int = 1  # of the cache, for a token
    offload: Offload | None = None


def plan_load(model: ModelFacts, wanted: Wanted, memory: MemoryLimits) -> LoadPlan:
    """The largest plan that fits: first the wanted one, then (only if the user named no size)
    shorter contexts down to half, then a q8_0 KV cache, then the shortest. MemoryTooSmall with the
    numbers when nothing fits; a size that the user named is never changed silently."""
    first = _first_plan(model, wanted, memory)
    if _fits(first):
        return first
    quantized = _quantized(model, wanted, first)
    for plan in _smaller(model, wanted, first, quantized):
        if _fits(plan):
            return plan
    raise MemoryTooSmall(_refusal(model, wanted, first, quantized))


def kv_bytes_per_cell(model: ModelFacts, type_k: KvType, type_v: KvType) -> int:
    """KV cache bytes for one token of context."""
    total = model.k_elements * KV_TYPE_BYTES[type_k] + model.v_elements * KV_TYPE_BYTES[type_v]
    return int(total + 0.5)


def _first_plan(model: ModelFacts, wanted: Wanted, memory: MemoryLimits) -> LoadPlan:
    default = _default_ctx(model)
    asked = model.n_ctx_train if wanted.n_ctx == 0 else wanted.n_ctx
    n_ctx = _rounded(asked or default)
    n_batch = min(wanted.n_batch, n_ctx)
    plan = LoadPlan(
        n_ctx=n_ctx,
        n_seq_max=wanted.n_seq_max,
        n_batch=n_batch,
        n_ubatch=min(wanted.n_ubatch, n_batch),
        type_k=wanted.type_k or "f16",
        type_v=wanted.type_v or "f16",
        needed_bytes=0,
        free_bytes=memory.available_bytes,
    )
    return _counted(model, wanted, plan)


def _default_ctx(model: ModelFacts) -> int:
    return max(_CTX_STEP, min(model.n_ctx_train or DEFAULT_CTX, DEFAULT_CTX))


def _quantized(model: ModelFacts, wanted: Wanted, plan: LoadPlan) -> LoadPlan | None:
    """The same with a q8_0 KV cache where that is allowed and possible."""
    chosen = wanted.type_k is not None or wanted.type_v is not None
    if chosen or not wanted.flash_attention or not model.can_quantize_kv:
        return None
    note = "The KV cache is kept in q8_0 instead of f16 to fit into memory."
    plan = replace(plan, type_k="q8_0", type_v="q8_0", notes=(*plan.notes, note))
    return _counted(model, wanted, plan)


def _smaller(
    model: ModelFacts, wanted: Wanted, first: LoadPlan, quantized: LoadPlan | None
) -> list[LoadPlan]:
    if wanted.n_ctx is not None:
        return [quantized] if quantized else []
    halves = [_shortened(model, wanted, first, size) for size in _steps(first, first.n_ctx // 2)]
    rest = [quantized] if quantized else []
    best = quantized or first
    return [*halves, *rest, *(_shortened(model, wanted, best, size) for size in _steps(best, 0))]


def _steps(plan: LoadPlan, least: int) -> list[int]:
    """Context lengths below the plan's, an eighth of it apart, down to `least` or the minimum."""
    least = max(least, min(plan.n_ctx, LEAST_CTX))
    sizes = [_rounded(plan.n_ctx * eighths // 8) for eighths in range(7, 0, -1)]
    return [size for size in sizes if size >= least] + [_rounded(least)]


def _shortened(model: ModelFacts, wanted: Wanted, plan: LoadPlan, n_ctx: int) -> LoadPlan:
    note = f"The context is shortened from {plan.n_ctx} to {n_ctx} tokens to fit into memory."
    n_batch = min(plan.n_batch, n_ctx)
    plan = replace(plan, n_ctx=n_ctx, n_batch=n_batch, notes=(*plan.notes, note))
    return _counted(model, wanted, replace(plan, n_ubatch=min(plan.n_ubatch, n_batch)))


def _counted(model: ModelFacts, wanted: Wanted, plan: LoadPlan) -> LoadPlan:
    cell_bytes = kv_bytes_per_cell(model, plan.type_k, plan.type_v)
    needed_bytes = model.weights_bytes + cell_bytes * plan.n_ctx + RESERVE_BYTES
    needed_bytes += compute_bytes(model, wanted, plan)
    return replace(plan, needed_bytes=needed_bytes, cell_bytes=cell_bytes)


def compute_bytes(model: ModelFacts, wanted: Wanted, plan: LoadPlan) -> int:
    """What one physical batch takes besides weights and cache."""
    per_cell = 2 if wanted.flash_attention else 4 + 4 * model.n_heads
    logits_step = 4 * (model.n_vocab + 2 * model.n_embd)
    attention_step = per_cell * plan.n_ctx + 4 * _ACTIVATIONS * model.widest
    return plan.n_ubatch * max(logits_step, attention_step)


def _fits(plan: LoadPlan) -> bool:
    return plan.needed_bytes <= plan.free_bytes


def _refusal(model: ModelFacts, wanted: Wanted, first: LoadPlan, quantized: LoadPlan | None) -> str:
    best = quantized or first
    smallest = _shortened(model, wanted, best, _steps(best, 0)[-1])
    asked = f" with a context of {first.n_ctx} tokens" if wanted.n_ctx is not None else ""
    told = first if wanted.n_ctx is not None else smallest
    needed, free = size_text(told.needed_bytes), size_text(first.free_bytes)
    text = f"Model needs {needed}{asked} but {free} is free; "
    fitting = _largest_ctx(model, wanted, best) if wanted.n_ctx is not None else 0
    if fitting:
        return text + f"try --ctx-size {fitting}."
    return text + "close other programs, or use a smaller model or a smaller quantisation of it."


def _largest_ctx(model: ModelFacts, wanted: Wanted, plan: LoadPlan) -> int:
    """The largest context below the plan's that fits, 0 for none, by halving the interval."""
    low, high = 0, plan.n_ctx // _CTX_STEP  # `low` fits (or is 0), `high` does not
    while high - low > 1:
        middle = (low + high) // 2
        fits = _fits(_shortened(model, wanted, plan, middle * _CTX_STEP))
        low, high = (middle, high) if fits else (low, middle)
    return low * _CTX_STEP


def _rounded(n_ctx: int) -> int:
    return -(-n_ctx // _CTX_STEP) * _CTX_STEP


def size_text(count: int) -> str:
    return f"{count / (1 << 30):.1f} GiB" if count >= 1 << 30 else f"{count >> 20} MiB"


@dataclass(frozen=True, slots=True)
class _Reader:
    """GGUF keys `<architecture>.<name>`, checked for kind and sanity."""

    metadata: Mapping[str, object]

    def number(self, name: str, default: int = 0) -> int:
        value = self._value(name)
        return value if isinstance(value, int) and 0 < value < 1 << 32 else default

    def per_layer(self, name: str, layers: int, default: int | None) -> list[int]:
        """One number for each layer, from one number or an array; [] without key and default."""
        value = self._value(name)
        if isinstance(value, tuple | list):
            return [item for item in value if isinstance(item, int) and 0 <= item < 1 << 32]
        if isinstance(value, int) and 0 < value < 1 << 32:
            return [value] * layers
        return [] if default is None else [default] * layers

    def vocabulary(self) -> int:
        """Tokens, by the key or by the length of the token list."""
        tokens = self.metadata.get("tokenizer.ggml.tokens")
        count = getattr(tokens, "count", getattr(tokens, "length", None))
        if isinstance(tokens, tuple | list):
            count = len(tokens)
        return self.number("vocab_size", count if isinstance(count, int) else 0)

    def _value(self, name: str) -> object:
        return self.metadata.get(f"{self.metadata.get('general.architecture')}.{name}")
