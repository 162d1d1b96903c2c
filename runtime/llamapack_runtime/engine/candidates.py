"""The log probabilities of a row of logits: of one token, and of the likeliest ones.

The vocabulary is only touched in C: softmax and sorting are llama.cpp's own samplers."""

from __future__ import annotations

import ctypes
import math
from array import array
from collections.abc import Callable
from functools import cache
from typing import Any

from llamapack_runtime.engine.lib import library
from llamapack_runtime.engine.sampler_chain import chain_of
from llamapack_runtime.engine.types import Candidate

_ENTRY_BYTES = 12  # struct llama_token_data: int32 id, float logit, float p
_LOGIT_AT = 4
_MAX_TOP = 128


class CandidateReader:
    """Reads the `n_top` likeliest tokens of rows. `name` gives a token's bytes. Close it."""

    def __init__(self, n_vocab: int, n_top: int, name: Callable[[int], bytes]) -> None:
        self._lib = library()
        self._n_vocab = n_vocab
        self._n_top = n_top
        self._name = name
        # The first draws a token, too, which nobody looks at: its shares are what is wanted.
        softmax = self._lib.llama_sampler_init_dist(0)
        top_k = self._lib.llama_sampler_init_top_k(max(1, min(n_top, _MAX_TOP)))
        self._chain: Any = chain_of((softmax, top_k))

    def close(self) -> None:
        chain, self._chain = self._chain, None
        if chain is not None:
            self._lib.llama_sampler_free(chain)

    def read(self, logits: Any) -> Candidates:
        """`logits`: an array of n_vocab floats, which stays as it is."""
        raw = bytes(logits)
        entries = bytearray(_fresh_entries(self._n_vocab))
        for byte in range(4):
            entries[_LOGIT_AT + byte :: _ENTRY_BYTES] = raw[byte::4]
        rows = (self._lib.llama_token_data * self._n_vocab).from_buffer(entries)
        native = self._lib.llama_token_data_array(rows, self._n_vocab, -1, False)
        self._lib.llama_sampler_apply(self._chain, ctypes.byref(native))
        best = [native.data[index] for index in range(native.size)]
        log_sum = best[0].logit - math.log(best[0].p)
        top = tuple(
            Candidate(int(one.id), self._name(one.id), one.logit - log_sum)
            for one in best[: self._n_top]
        )
        return Candidates(logits, log_sum, top, self._name)


class Candidates:
    """Of one row. `top` are the likeliest, in order."""

    def __init__(
        self,
        logits: Any,
        log_sum: float,
        top: tuple[Candidate, ...],
        name: Callable[[int], bytes],
    ) -> None:
        self._logits = logits
        self._log_sum = log_sum
        self.top = top
        self._name = name

    def of(self, token: int) -> Candidate:
        return Candidate(token, self._name(token), float(self._logits[token]) - self._log_sum)


@cache
def _fresh_entries(n_vocab: int) -> bytes:
    """One for each token, with its number."""
    numbers = array("i", range(n_vocab)).tobytes()
    entries = bytearray(n_vocab * _ENTRY_BYTES)
    for byte in range(4):
        entries[byte::_ENTRY_BYTES] = numbers[byte::4]
    return bytes(entries)
