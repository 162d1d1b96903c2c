"""llama_batch, filled from Python."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from typing import Any, Protocol

# Of each row that is no token, as llama.cpp reads them for models with M-RoPE; for others it reads
# the first alone.
N_POSITIONS = 4


class Span(Protocol):
    """Tokens of one sequence, in a row from `position`; the last `n_logits` of them get a row of
    the output."""

    @property
    def slot(self) -> int: ...

    @property
    def position(self) -> int: ...

    @property
    def tokens(self) -> Sequence[int]: ...

    @property
    def n_logits(self) -> int: ...


class Batch:
    """llama_batch over arrays that are allocated once. `native` points into them, so they live
    as long as it does."""

    def __init__(self, lib: Any, n_batch: int, n_sequences: int) -> None:
        self._n_batch = n_batch
        self._tokens = (ctypes.c_int32 * n_batch)()
        self._positions = (ctypes.c_int32 * n_batch)()
        self._ones = (ctypes.c_int32 * n_batch)(*[1] * n_batch)
        self._outputs = (ctypes.c_int8 * n_batch)()
        # Row i of llama_batch.seq_id points to the list of its sequences: one entry of _slots.
        self._slots = (ctypes.c_int32 * n_sequences)(*range(n_sequences))
        self._slot_pointers = (ctypes.c_size_t * n_batch)()
        self.native = lib.llama_batch(
            n_tokens=0,
            token=self._tokens,
            embd=None,
            pos=self._positions,
            n_seq_id=self._ones,
            seq_id=ctypes.cast(self._slot_pointers, ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
            logits=self._outputs,
        )

    def fill(self, spans: Sequence[Span]) -> frozenset[int]:
        """Write the spans one after another; the rows that get an output."""
        total = sum(len(span.tokens) for span in spans)
        # llama.cpp ends the process on a larger batch.
        assert 0 < total <= self._n_batch, f"{total} tokens in a batch of {self._n_batch}"
        ctypes.memset(self._outputs, 0, total)
        first_slot = ctypes.addressof(self._slots)
        rows, begin = [], 0
        for span in spans:
            assert 0 <= span.slot < len(self._slots), f"no such sequence: {span.slot}"
            count = len(span.tokens)
            end = begin + count
            self._tokens[begin:end] = list(span.tokens)
            self._positions[begin:end] = list(range(span.position, span.position + count))
            address = first_slot + span.slot * ctypes.sizeof(ctypes.c_int32)
            self._slot_pointers[begin:end] = [address] * count
            for row in range(end - span.n_logits, end):
                self._outputs[row] = 1
                rows.append(row)
            begin = end
        self.native.n_tokens = total
        return frozenset(rows)


class MediaBatch:
    """llama_batch over `rows` (float32) instead of tokens, for one sequence. Each row has four
    `positions` (see `positions_of`). Nothing of it gets an output. `native` points into what this
    keeps."""

    def __init__(self, lib: Any, slot: int, rows: bytes, positions: Sequence[int]) -> None:
        count = len(positions) // N_POSITIONS
        self._rows = ctypes.c_char_p(rows)
        self._positions = (ctypes.c_int32 * len(positions))(*positions)
        self._ones = (ctypes.c_int32 * count)(*[1] * count)
        self._outputs = (ctypes.c_int8 * count)()
        self._slot = ctypes.c_int32(slot)
        self._slots = (ctypes.c_size_t * count)(*[ctypes.addressof(self._slot)] * count)
        self.native = lib.llama_batch(
            n_tokens=count,
            token=None,
            embd=ctypes.cast(self._rows, ctypes.POINTER(ctypes.c_float)),
            pos=self._positions,
            n_seq_id=self._ones,
            seq_id=ctypes.cast(self._slots, ctypes.POINTER(ctypes.POINTER(ctypes.c_int32))),
            logits=self._outputs,
        )


def positions_of(position: int, count: int, columns: int, first: int) -> list[int]:
    """For `count` rows: first the position of each, then each one's line, then each one's column,
    then a fourth that images leave at 0. `first`: which row of the image the first one is, at
    `position`. Without `columns` they follow one another, and all four are the same. As
    `set_position_mrope_2d` and `set_position_mrope_1d` of llama.cpp's mtmd-helper-common.h."""
    if not columns:
        return [*range(position, position + count)] * N_POSITIONS
    rows = range(first, first + count)
    lines = [position + row // columns for row in rows]
    across = [position + row % columns for row in rows]
    return [position] * count + lines + across + [0] * count
