"""A context of llama.cpp with nothing around it: what the engine is measured against.

Needs the libraries loaded (`engine.lib`). Uses none of the engine's own batching or caching.
"""

from __future__ import annotations

import ctypes
from array import array
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from llamapack_runtime.engine.lib import library, load_library
from llamapack_runtime.engine.model import Model


class BareContext:
    """One sequence. Every decode goes on where the last one ended."""

    def __init__(self, native: Any, handle: int, model: Model) -> None:
        self._native = native
        self._handle = handle
        self.model = model

    def decode(self, tokens: Sequence[int]) -> None:
        """Compute all in one batch and wait for the logits of the last one."""
        batch = (ctypes.c_int32 * len(tokens))(*tokens)
        status = self._native.llama_decode(
            self._handle, self._native.llama_batch_get_one(batch, len(tokens))
        )
        assert status == 0, f"llama_decode returned {status}"
        self._native.llama_get_logits_ith(self._handle, -1)

    def logits(self) -> array[float]:
        """Of the last token that was decoded."""
        pointer = self._native.llama_get_logits_ith(self._handle, -1)
        values = array("f")
        values.frombytes(ctypes.string_at(pointer, 4 * self.model.n_vocab))
        return values

    def clear(self) -> None:
        self._native.llama_memory_clear(self._native.llama_get_memory(self._handle), False)


@contextmanager
def bare_context(
    folder: Path,
    variant: str,
    model_path: Path,
    *,
    n_threads: int,
    n_ctx: int,
    n_batch: int = 512,
    with_gemm: bool = False,
    is_plain: bool = False,
) -> Iterator[BareContext]:
    """`with_gemm`: wide products are left to the GEMM library. `is_plain`: not the fused kernel of
    attention."""
    gemm = folder / "libggml-gemm.so" if with_gemm else None
    load_library(folder, folder / f"libggml-cpu-{variant}.so", gemm)
    native = library()
    with Model.open(model_path, 0, model_path.stat().st_size) as model:
        parameters = native.llama_context_default_params()
        parameters.n_ctx, parameters.n_seq_max = n_ctx, 1
        parameters.n_batch = parameters.n_ubatch = n_batch
        parameters.n_threads = parameters.n_threads_batch = n_threads
        if is_plain:
            parameters.flash_attn_type = native.LLAMA_FLASH_ATTN_TYPE_DISABLED
        handle = native.llama_init_from_model(model.handle, parameters)
        assert handle, "llama.cpp made no context"
        try:
            yield BareContext(native, handle, model)
        finally:
            native.llama_free(handle)
