"""A llama.cpp context that makes vectors of inputs instead of continuing them.

Used by one thread, except `interrupt`. Knows tokens and sequences; nothing of requests."""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal, Self

from llamapack_runtime.engine.context import FLASH_ATTENTION, KV_TYPES
from llamapack_runtime.engine.embed_batches import Piece
from llamapack_runtime.engine.embed_types import POOLINGS, Pooling, Rows
from llamapack_runtime.engine.errors import DecodeError
from llamapack_runtime.engine.lib import library
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.native_batch import Batch
from llamapack_runtime.engine.native_context import NativeContext

_ABORTED = 2
_FLOAT_BYTES = 4


class PooledContext:
    """`n_ctx` tokens is the longest input, `n_batch` the most that are computed at once. A model
    whose tokens see those that follow, too, reads an input in one piece. ContextError when there is
    no such context to be had."""

    def __init__(
        self,
        model: Model,
        pooling: Pooling,
        *,
        n_ctx: int,
        n_batch: int,
        n_sequences: int,
        flash_attention: Literal["auto", "on", "off"] = "auto",
        type_k: str = "f16",
        type_v: str = "f16",
    ) -> None:
        self._lib = library()
        self._pooling: Pooling = pooling
        self._is_encoder = not self._lib.llama_model_has_decoder(model.handle)
        parameters = self._lib.llama_context_default_params()
        parameters.embeddings = True
        parameters.pooling_type = POOLINGS.index(pooling)
        parameters.n_ctx, parameters.n_seq_max = n_ctx, n_sequences
        # llama.cpp's measuring graphs have as many tokens for each sequence, and end the process
        # where that does not come out even.
        n_batch = -(-n_batch // n_sequences) * n_sequences
        parameters.n_batch = parameters.n_ubatch = n_batch
        parameters.kv_unified = True
        parameters.flash_attn_type = FLASH_ATTENTION[flash_attention]
        parameters.type_k, parameters.type_v = KV_TYPES[type_k], KV_TYPES[type_v]
        what = f"A context of {n_ctx} tokens for embeddings"
        self._native = NativeContext(model, parameters, what)
        is_causal = bool(self._lib.llama_get_causal_attn(self.handle))
        self._memory = self._lib.llama_get_memory(self.handle)
        self.can_split = bool(is_causal and self._memory)
        self.n_sequences = n_sequences
        self.n_batch = min(n_batch, int(self._lib.llama_n_ubatch(self.handle)))
        self._batch = Batch(self._lib, self.n_batch, n_sequences)
        is_score = pooling == "rank"
        count = self._lib.llama_model_n_cls_out if is_score else self._lib.llama_model_n_embd_out
        self._row_bytes = int(count(model.handle)) * _FLOAT_BYTES

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._native.close()

    def compute(self, pieces: Sequence[Piece]) -> list[Rows] | None:
        """The rows of each piece; None when interrupted. DecodeError when it failed."""
        handle = self.handle
        self._batch.fill(pieces)
        compute = self._lib.llama_encode if self._is_encoder else self._lib.llama_decode
        code = compute(handle, self._batch.native)
        if code == _ABORTED:
            return None
        if code != 0:
            raise DecodeError(f"llama.cpp could not compute the embedding (code {code}).")
        if self._pooling == "none":
            return self._rows_of_tokens(pieces)
        return [(self._vector(self._lib.llama_get_embeddings_seq, p.slot),) for p in pieces]

    def set_threads(self, n_threads: int) -> None:
        self._lib.llama_set_n_threads(self.handle, n_threads, n_threads)

    def forget(self) -> None:
        """Sequences begin anew."""
        self.handle  # noqa: B018  # raises when closed
        if self._memory:
            self._lib.llama_memory_clear(self._memory, False)

    def interrupt(self) -> None:
        """From any thread: what runs and all that follows is given up."""
        self._native.interrupt()

    @property
    def handle(self) -> int:
        """The native pointer, for `engine/` only. ContextError when closed."""
        return self._native.handle

    def _rows_of_tokens(self, pieces: Sequence[Piece]) -> list[Rows]:
        rows, begin = [], 0
        for piece in pieces:
            end = begin + len(piece.tokens)
            ith = self._lib.llama_get_embeddings_ith
            rows.append(tuple(self._vector(ith, i) for i in range(begin, end)))
            begin = end
        return rows

    def _vector(self, function: Any, number: int) -> array[float]:
        """A copy: the next step writes over what llama.cpp shows."""
        pointer = function(self.handle, number)
        if not pointer:
            raise DecodeError("llama.cpp computed no embedding for one of the inputs.")
        vector = array("f")
        vector.frombytes(ctypes.string_at(pointer, self._row_bytes))
        return vector
