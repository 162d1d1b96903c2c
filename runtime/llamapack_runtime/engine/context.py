"""A llama.cpp context: the cache of one model's sequences, and the batch that is decoded into it.

Used by one thread, except `interrupt`. Knows slots and tokens; nothing of requests."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Self

from llamapack_runtime.engine.errors import ContextError, DecodeError
from llamapack_runtime.engine.lib import library
from llamapack_runtime.engine.lora import LoraAdapter
from llamapack_runtime.engine.media import MediaSpan
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.native_batch import Batch, MediaBatch, positions_of
from llamapack_runtime.engine.native_context import NativeContext
from llamapack_runtime.engine.step import Chunk, Copy, DecodeOutcome, Remove, Shift
from llamapack_runtime.engine.types import Adapters

# enum ggml_type, as far as llama.cpp's cache supports it.
KV_TYPES = {
    "f32": 0, "f16": 1, "bf16": 30, "q8_0": 8, "q5_1": 7, "q5_0": 6, "q4_1": 3, "q4_0": 2,
    "iq4_nl": 20,
}  # fmt: skip
FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}
_OUTCOMES: dict[int, DecodeOutcome] = {0: "ok", 1: "no_slot", 2: "aborted"}


class Context:
    """`n_ctx` cells shared by up to `n_seq_max` sequences (llama.cpp rounds `n_ctx` up to a
    multiple of 256; the property tells). At most `n_batch` tokens a decode, computed in parts of
    `n_ubatch`, and `n_rows` rows of logits. `can_truncate`: a sequence's end can be forgotten and
    any part of it shared; recurrent state cannot, nor a sliding window, whose old cells llama.cpp
    gives to others. `can_shift`: a part in the middle can be
    forgotten. `loras`: the model's adapters by name. ContextError when llama.cpp cannot make it."""

    def __init__(
        self,
        model: Model,
        *,
        n_ctx: int,
        n_seq_max: int,
        n_batch: int,
        n_ubatch: int,
        n_threads: int,
        n_threads_batch: int,
        n_rows: int = 0,
        flash_attention: Literal["auto", "on", "off"] = "auto",
        type_k: str = "f16",
        type_v: str = "f16",
        loras: Mapping[str, LoraAdapter] = MappingProxyType({}),
    ) -> None:
        self._lib = library()
        self.model = model
        # Each generating sequence must find a place in one batch.
        self.n_batch = max(n_batch, n_seq_max)
        self.n_threads = n_threads
        parameters = self._lib.llama_context_default_params()
        parameters.n_ctx, parameters.n_seq_max = n_ctx, n_seq_max
        parameters.n_batch, parameters.n_ubatch = self.n_batch, min(n_ubatch, self.n_batch)
        parameters.n_threads, parameters.n_threads_batch = n_threads, n_threads_batch
        parameters.flash_attn_type = FLASH_ATTENTION[flash_attention]
        parameters.type_k, parameters.type_v = KV_TYPES[type_k], KV_TYPES[type_v]
        parameters.kv_unified = True
        # As large as the other layers' cache, so that a window never runs out of cells.
        parameters.swa_full = True
        # llama.cpp sets memory for as many rows of logits aside: without this, one for each token.
        self.n_rows = min(max(n_rows, n_seq_max), self.n_batch) if n_rows else self.n_batch
        parameters.n_outputs_max = self.n_rows
        what = f"A context of {n_ctx} tokens"
        self._native = NativeContext(model, parameters, what, "; try a smaller --ctx-size")
        self.n_ctx = int(self._lib.llama_n_ctx(self.handle))
        self.n_seq_max = int(self._lib.llama_n_seq_max(self.handle))
        self._memory = self._lib.llama_get_memory(self.handle)
        self.can_truncate = not model.is_recurrent and not model.has_sliding_window
        self.can_shift = self.can_truncate and bool(self._lib.llama_memory_can_shift(self._memory))
        self._batch = Batch(self._lib, self.n_batch, self.n_seq_max)
        self._rows: frozenset[int] = frozenset()
        self._loras = loras
        self._used: Adapters = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def handle(self) -> int:
        """The native pointer, for `engine/` only. ContextError when closed."""
        return self._native.handle

    def close(self) -> None:
        self._native.close()

    @property
    def adapters(self) -> frozenset[str]:
        """The names of those that there are."""
        return frozenset(self._loras)

    def use(self, adapters: Adapters) -> bool:
        """What is decoded from now on is computed with these adapters and no others. False when it
        was so already. DecodeError when llama.cpp refuses them."""
        if adapters == self._used:
            return False
        count = len(adapters)
        kind = self._lib.llama_adapter_lora_p_ctypes * count
        handles = kind(*(self._loras[name].handle for name, _ in adapters)) if count else None
        scales = (ctypes.c_float * count)(*(scale for _, scale in adapters)) if count else None
        if self._lib.llama_set_adapters_lora(self.handle, handles, count, scales) != 0:
            names = ", ".join(name for name, _ in adapters)
            raise DecodeError(f"llama.cpp does not take the adapters {names}.")
        self._used = adapters
        return True

    def decode(self, chunks: Sequence[Chunk]) -> DecodeOutcome:
        """Compute the chunks, those of text in one batch; rows of logits are numbered by token over
        it.
        After "no_slot" the cache is as before, but may hold rows of images that nobody should
        believe in; after "aborted" it may hold any part. DecodeError when llama.cpp fails; the
        slots in the batch should then be removed."""
        for chunk in chunks:
            if chunk.media is not None:
                outcome = self._decode_media(chunk, chunk.media)
                if outcome != "ok":
                    return outcome
        texts = [chunk for chunk in chunks if chunk.media is None]
        return self._decode_text(texts) if texts else "ok"

    def _decode_media(self, chunk: Chunk, media: MediaSpan) -> DecodeOutcome:
        """In a batch of its own, for llama.cpp takes tokens or rows, not both."""
        count, first = len(chunk.tokens), media.first - chunk.tokens[0]
        rows = media.bytes_from(chunk.tokens[0], count)
        positions = positions_of(chunk.position, count, media.columns, first)
        batch = MediaBatch(self._lib, chunk.slot, rows, positions)
        self._rows = frozenset()
        self._lib.llama_set_causal_attn(self.handle, not media.is_whole)
        try:
            return self._outcome(self._lib.llama_decode(self.handle, batch.native))
        finally:
            self._lib.llama_set_causal_attn(self.handle, True)

    def _decode_text(self, chunks: Sequence[Chunk]) -> DecodeOutcome:
        rows = self._batch.fill(chunks)
        assert len(rows) <= self.n_rows, f"{len(rows)} rows of logits where {self.n_rows} fit"
        code = self._lib.llama_decode(self.handle, self._batch.native)
        self._rows = rows if code == 0 else frozenset()
        return self._outcome(code)

    def _outcome(self, code: int) -> DecodeOutcome:
        if code not in _OUTCOMES:
            raise DecodeError(f"llama.cpp could not compute the next tokens (code {code}).")
        return _OUTCOMES[code]

    def check_row(self, row: int) -> None:
        """Asking llama.cpp for logits that it has not computed would end the process."""
        assert row in self._rows, f"row {row} of the last decode has no logits"

    def logits(self, row: int) -> Any:
        """A row of the last decode: an array of n_vocab floats inside llama.cpp, which changes with
        the next decode and which the sampler may change before."""
        self.check_row(row)
        pointer = self._lib.llama_get_logits_ith(self.handle, row)
        if not pointer:
            raise DecodeError(f"llama.cpp has no logits in row {row}.")
        address = ctypes.cast(pointer, ctypes.c_void_p).value
        assert address is not None, "the pointer is not null"
        return (ctypes.c_float * self.model.n_vocab).from_address(address)

    def perform(self, operation: Remove | Copy | Shift) -> None:
        """Change what the cache holds. DecodeError if the model's memory cannot do that."""
        self.handle  # noqa: B018  # raises when closed
        match operation:
            case Remove(slot, start):
                self._remove(slot, start, -1)
            case Copy(source, target, start, end):
                self._check_slots(source, target)
                self._lib.llama_memory_seq_cp(self._memory, source, target, start, end)
            case Shift(slot, start, end):
                self._remove(slot, start, end)
                self._lib.llama_memory_seq_add(self._memory, slot, end, -1, start - end)

    def save(self, slot: int) -> bytearray:
        """A copy of all that the cache holds of a sequence. ContextError when there is none."""
        self._check_slots(slot)
        size = self._lib.llama_state_seq_get_size(self.handle, slot)
        data = bytearray(size)
        buffer = (ctypes.c_uint8 * size).from_buffer(data)
        written = self._lib.llama_state_seq_get_data(self.handle, buffer, size, slot)
        if not size or written != size:
            raise ContextError(f"The state of sequence {slot} cannot be copied.")
        return data

    def restore(self, slot: int, data: bytes | bytearray | memoryview) -> bool:
        """Fill an empty sequence from what `save` gave. False, and the sequence is empty, when
        llama.cpp refuses it. Only for bytes whose digest was checked."""
        self._check_slots(slot)
        size = len(data)
        bytes_type = ctypes.c_uint8 * size
        is_ours = isinstance(data, bytearray)  # ctypes copies what it may not write to
        buffer = bytes_type.from_buffer(data) if is_ours else bytes_type.from_buffer_copy(data)
        if self._lib.llama_state_seq_set_data(self.handle, buffer, size, slot) == size:
            return True
        self._remove(slot, -1, -1)
        return False

    def _remove(self, slot: int, start: int, end: int) -> None:
        self._check_slots(slot)
        if not self._lib.llama_memory_seq_rm(self._memory, slot, start, end):
            raise DecodeError(f"Positions {start} to {end} of sequence {slot} cannot be removed.")

    def _check_slots(self, *slots: int) -> None:
        assert all(0 <= slot < self.n_seq_max for slot in slots), f"no such sequence: {slots}"

    def warm_up(self) -> None:
        """Touch all weights and buffers once, so that the first request does not pay for it."""
        token = max(
            0, self._lib.llama_vocab_bos(self._lib.llama_model_get_vocab(self.model.handle))
        )
        self.decode([Chunk("warm-up", 0, 0, (token,), n_logits=1)])
        self._remove(0, -1, -1)

    def interrupt(self) -> None:
        """From any thread: the running decode and all later ones return "aborted"."""
        self._native.interrupt()
