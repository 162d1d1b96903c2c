"""Chooses one request's tokens: llama.cpp's samplers, after what the request forbids was taken out
of the row of logits. Knows nothing of text."""

from __future__ import annotations

import ctypes
from array import array
from functools import cache
from typing import TYPE_CHECKING, Any

from llamapack_runtime.engine.candidates import CandidateReader
from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.lib import library
from llamapack_runtime.engine.sampler_chain import build_chain
from llamapack_runtime.engine.types import Request, SampledToken

if TYPE_CHECKING:  # the compiler of grammars is loaded when the first one is asked for
    from llamapack_runtime.engine.grammar import Mask

_FORBIDDEN = float("-inf")


class LlamaSampler:
    """`request.sampling.problem` must be None. Close it."""

    def __init__(self, context: Context, request: Request) -> None:
        self._lib = library()
        self._context = context
        self._model = context.model
        self._chain: Any = build_chain(context, request.sampling, request.text_tokens)
        self._matcher = None if request.grammar is None else request.grammar.start()
        self._n_probs = request.n_probs
        self._reader: CandidateReader | None = None
        self._n_sampled = 0
        self._min_tokens = request.min_tokens
        self._ignores_end = request.ignores_end
        self._stop_tokens = frozenset(t for t in request.stop_tokens if t < self._model.n_vocab)

    def sample(self, row: int) -> SampledToken:
        """The token chosen from a row of the last decode, accepted into the chain's state.
        GrammarError when the grammar leaves none."""
        self._context.check_row(row)
        if not self._shapes_logits and self._n_probs is None:
            token = int(self._lib.llama_sampler_sample(self._chain, self._context.handle, row))
            self._n_sampled += 1
            return SampledToken(token)
        return self._sample_shaped(row)

    def force(self, token: int) -> SampledToken:
        """Take `token` instead of a sampled one. GrammarError when it is not allowed."""
        self._lib.llama_sampler_accept(self._chain, token)
        self._accept(token)
        return SampledToken(token)

    def forced(self) -> list[int]:
        """The tokens that the grammar leaves no alternative to."""
        return [] if self._matcher is None else self._matcher.forced()

    @property
    def is_over(self) -> bool:
        """Whether the grammar leaves nothing to add."""
        return self._matcher is not None and self._matcher.is_over

    def close(self) -> None:
        chain, self._chain = self._chain, None
        if chain is not None:
            self._lib.llama_sampler_free(chain)
        if self._reader is not None:
            self._reader.close()

    @property
    def _shapes_logits(self) -> bool:
        return self._matcher is not None or self._forbids_end

    @property
    def _forbids_end(self) -> bool:
        return self._ignores_end or self._n_sampled < self._min_tokens

    def _sample_shaped(self, row: int) -> SampledToken:
        logits = self._context.logits(row)
        candidates = None
        if self._n_probs is not None:
            if self._reader is None:
                n_vocab, name = self._model.n_vocab, self._model.named_piece
                self._reader = CandidateReader(n_vocab, self._n_probs, name)
            candidates = self._reader.read(logits)
        mask = None if self._matcher is None else self._matcher.mask()
        if mask is not None:
            forbid(logits, mask)
        if self._forbids_end:
            self._take_out_end(logits, mask)
        token = int(self._lib.llama_sampler_sample(self._chain, self._context.handle, row))
        if self._shapes_logits and logits[token] == _FORBIDDEN:
            # The sampler infill ends whatever the logits say: the likeliest comes in its place.
            token = max(range(len(logits)), key=logits.__getitem__)
        self._accept(token)
        if candidates is None:
            return SampledToken(token)
        return SampledToken(token, candidates.of(token), candidates.top)

    def _accept(self, token: int) -> None:
        self._n_sampled += 1
        if self._matcher is not None:
            self._matcher.accept(token)

    def _take_out_end(self, logits: Any, mask: Mask | None) -> None:
        """Unless the grammar leaves nothing else: then the answer is whole."""
        ends = self._model.end_tokens
        if self._n_sampled < self._min_tokens:
            ends |= self._stop_tokens
        if mask is not None and not _has_other(mask, ends):
            return
        for token in ends:
            logits[token] = _FORBIDDEN


def forbid(logits: Any, mask: Mask) -> None:
    """Take the tokens out of a row that the mask does not allow."""
    tokens: array[int] = mask.tokens
    if mask.is_inverted:
        for token in tokens:
            logits[token] = _FORBIDDEN
        return
    kept = [logits[token] for token in tokens]
    ctypes.memmove(logits, _forbidden_row(len(logits)), ctypes.sizeof(logits))
    for token, logit in zip(tokens, kept, strict=True):
        logits[token] = logit


@cache
def _forbidden_row(n_vocab: int) -> Any:
    return (ctypes.c_float * n_vocab)(*(_FORBIDDEN for _ in range(n_vocab)))


def _has_other(mask: Mask, ends: frozenset[int]) -> bool:
    return mask.is_inverted or not ends.issuperset(mask.tokens)
