"""A llama.cpp context: the cache of one model's sequences, and the batch that is decoded into it.

Used by one thread, except `interrupt`. Knows slots and tokens; nothing of requests."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal, Self

from llamapack_runtime.engine.cfile import interrupt_callback
from llamapack_runtime.engine.errors import ContextError, DecodeError
from llamapack_runtime.engine.lib import captured_errors, library
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.step import Chunk, Copy, DecodeOutcome, Remove, Shift

# enum ggml_type, as far as llama.cpp's cache supports it.
KV_TYPES = {
    "f32": 0, "f16": 1, "bf16": 30, "q8_0": 8, "q5_1": 7, "q5_0": 6, "q4_1": 3, "q4_0": 2,
    "iq4_nl": 20,
}  # fmt: skip
_FLASH_ATTENTION = {"auto": -1, "off": 0, "on": 1}
_OUTCOMES: dict[int, DecodeOutcome] = {0: "ok", 1: "no_slot", 2: "aborted"}


class Context:
    """`n_ctx` cells shared by up to `n_seq_max` sequences (llama.cpp rounds `n_ctx` up to a
    multiple of 256; the property tells). At most `n_batch` tokens a decode, computed in parts of
    `n_ubatch`, and `n_rows` rows of logits. `can_truncate`: a sequence's end can be forgotten and
    any part of it shared; recurrent state cannot, nor a sliding window, whose old cells llama.cpp
    gives to others. `can_shift`: a part in the middle can be
    forgotten. ContextError when llama.cpp cannot make it."""

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
        parameters.flash_attn_type = _FLASH_ATTENTION[flash_attention]
        parameters.type_k, parameters.type_v = KV_TYPES[type_k], KV_TYPES[type_v]
        parameters.kv_unified = True
        # As large as the other layers' cache, so that a window never runs out of cells.
        parameters.swa_full = True
        # llama.cpp sets memory for as many rows of logits aside: without this, one for each token.
        self.n_rows = min(max(n_rows, n_seq_max), self.n_batch) if n_rows else self.n_batch
        parameters.n_outputs_max = self.n_rows
        self._handle: int | None = self._create(parameters)
        self.n_ctx = int(self._lib.llama_n_ctx(self._handle))
        self.n_seq_max = int(self._lib.llama_n_seq_max(self._handle))
        self._memory = self._lib.llama_get_memory(self._handle)
        self.can_truncate = not model.is_recurrent and not model.has_sliding_window
        self.can_shift = self.can_truncate and bool(self._lib.llama_memory_can_shift(self._memory))
        self._batch = _Batch(self._lib, self.n_batch, self.n_seq_max)
        self._rows: frozenset[int] = frozenset()
        self._set_interrupt()

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
        if self._handle is None:
            raise ContextError("The context is closed.")
        return self._handle

    def close(self) -> None:
        handle, self._handle = self._handle, None
        if handle is not None:
            self._lib.llama_free(handle)
            self.model.borrowers -= 1

    def decode(self, chunks: Sequence[Chunk]) -> DecodeOutcome:
        """Compute the chunks in one batch; rows of logits are numbered by token over the batch.
        After "no_slot" the cache is as before; after "aborted" it may hold a part. DecodeError
        when llama.cpp fails; the slots in the batch should then be removed."""
        handle = self.handle
        rows = self._batch.fill(chunks)
        assert len(rows) <= self.n_rows, f"{len(rows)} rows of logits where {self.n_rows} fit"
        code = self._lib.llama_decode(handle, self._batch.native)
        self._rows = rows if code == 0 else frozenset()
        if code not in _OUTCOMES:
            raise DecodeError(f"llama.cpp could not compute the next tokens (code {code}).")
        return _OUTCOMES[code]

    def check_row(self, row: int) -> None:
        """Asking llama.cpp for logits that it has not computed would end the process."""
        assert row in self._rows, f"row {row} of the last decode has no logits"

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
        self._interrupted[0] = b"!"

    def _create(self, parameters: Any) -> int:
        with captured_errors() as causes:
            handle = self._lib.llama_init_from_model(self.model.handle, parameters)
        if not handle:
            cause = causes[-1].partition(": ")[2] if causes else "llama.cpp gave no reason"
            raise ContextError(
                f"A context of {parameters.n_ctx} tokens cannot be created ({cause});"
                " try a smaller --ctx-size."
            )
        self.model.borrowers += 1
        return int(handle)

    def _set_interrupt(self) -> None:
        # llama.cpp keeps both pointers as long as the context lives, so the context keeps them.
        self._interrupted = (ctypes.c_char * 2)()
        self._callback = ctypes.cast(interrupt_callback(), self._lib.ggml_abort_callback)
        address = ctypes.addressof(self._interrupted)
        self._lib.llama_set_abort_callback(self._handle, self._callback, address)


class _Batch:
    """llama_batch over arrays that are allocated once. `native` points into them, so they live
    as long as it does."""

    def __init__(self, lib: Any, n_batch: int, n_seq_max: int) -> None:
        self._n_batch = n_batch
        self._tokens = (ctypes.c_int32 * n_batch)()
        self._positions = (ctypes.c_int32 * n_batch)()
        self._ones = (ctypes.c_int32 * n_batch)(*[1] * n_batch)
        self._logits = (ctypes.c_int8 * n_batch)()
        # Row i of llama_batch.seq_id points to the list of its sequences: one entry of _slots.
        self._slots = (ctypes.c_int32 * n_seq_max)(*range(n_seq_max))
        self._slot_pointers = (ctypes.c_size_t * n_batch)()
        self.native = lib.llama_batch(
            n_tokens=0,
            token=self._tokens,
            embd=None,
            pos=self._positions,
            n_seq_id=self._ones,
            seq_id=ctypes.cast(self._slot_pointers, ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
            logits=self._logits,
        )

    def fill(self, chunks: Sequence[Chunk]) -> frozenset[int]:
        """Write the chunks one after another; the rows that get logits."""
        total = sum(len(chunk.tokens) for chunk in chunks)
        # llama.cpp ends the process on a larger batch.
        assert 0 < total <= self._n_batch, f"{total} tokens in a batch of {self._n_batch}"
        ctypes.memset(self._logits, 0, total)
        first_slot = ctypes.addressof(self._slots)
        rows, begin = [], 0
        for chunk in chunks:
            count = len(chunk.tokens)
            end = begin + count
            self._tokens[begin:end] = list(chunk.tokens)
            self._positions[begin:end] = list(range(chunk.start, chunk.start + count))
            address = first_slot + chunk.slot * ctypes.sizeof(ctypes.c_int32)
            self._slot_pointers[begin:end] = [address] * count
            for row in range(end - chunk.n_logits, end):
                self._logits[row] = 1
                rows.append(row)
            begin = end
        self.native.n_tokens = total
        return frozenset(rows)
