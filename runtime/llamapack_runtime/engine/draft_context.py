"""A second, smaller model that says what it would write next. Used by the engine's thread alone,
except `interrupt`. Knows slots and tokens; nothing of requests."""

from __future__ import annotations

import ctypes
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.lib import library
from llamapack_runtime.engine.sampler_chain import chain_of
from llamapack_runtime.engine.step import Chunk, Remove

# A probability is told among so many tokens, as in llama.cpp: the others hardly count.
_CANDIDATES = 10


@dataclass(frozen=True, slots=True)
class Guess:
    """`probability`: how sure the model that guesses is."""

    token: int
    probability: float


class DraftContext(Protocol):
    """What the drafter needs; llama.cpp here, a fake in tests."""

    @property
    def n_ctx(self) -> int:
        """Cells, which the sequences share."""

    @property
    def n_seq_max(self) -> int: ...

    @property
    def n_batch(self) -> int:
        """The most tokens that are read at once."""

    @property
    def n_vocab(self) -> int: ...

    def read(self, slot: int, start: int, tokens: Sequence[int]) -> Guess | None:
        """Read `tokens` at the positions from `start` on, and guess the one after them. None when
        there is no cell for them, or it was interrupted. DecodeError."""

    def forget(self, slot: int, start: int) -> None:
        """All tokens of the slot from the position `start` on."""

    def interrupt(self) -> None:
        """From any thread: nothing is read any more."""

    def close(self) -> None: ...


class LlamaDraft:
    """Takes over `context` and closes it; its model stays the caller's."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._pick = _LikeliestPick()
        self.handle = context.handle
        # Beyond it some models have no positions, and llama.cpp would end the process.
        self.n_ctx = min(context.n_ctx, context.model.n_ctx_train or context.n_ctx)
        self.n_seq_max = context.n_seq_max
        self.n_batch = context.n_batch
        self.n_vocab = context.model.n_vocab
        self.interrupt = context.interrupt

    def read(self, slot: int, start: int, tokens: Sequence[int]) -> Guess | None:
        chunk = Chunk("draft", slot, start, tuple(tokens), n_logits=1)
        if self._context.decode([chunk]) != "ok":
            return None
        return self._pick.choose(self._context, len(tokens) - 1)

    def forget(self, slot: int, start: int) -> None:
        self._context.perform(Remove(slot, start))

    def close(self) -> None:
        self._pick.close()
        self._context.close()


class _LikeliestPick:
    """Chooses the likeliest token of a row and sees how likely it is. Sorting is llama.cpp's; the
    last sampler of the chain is a function here that looks at the few that are left."""

    def __init__(self) -> None:
        self._lib = library()
        self._probability = 0.0
        # llama.cpp keeps pointers to both as long as the chain lives, so this keeps them.
        self._apply = self._lib.llama_sampler_i_apply(self._look)
        self._interface = self._lib.llama_sampler_i(apply=self._apply)
        last = self._lib.llama_sampler_init(ctypes.byref(self._interface), None)
        self._chain: Any = chain_of((self._lib.llama_sampler_init_top_k(_CANDIDATES), last))

    def choose(self, context: Context, row: int) -> Guess:
        context.check_row(row)
        token = int(self._lib.llama_sampler_sample(self._chain, context.handle, row))
        return Guess(token, self._probability)

    def close(self) -> None:
        chain, self._chain = self._chain, None
        if chain is not None:
            self._lib.llama_sampler_free(chain)

    def _look(self, _sampler: object, candidates: Any) -> None:
        """Called by llama.cpp, through which no error may pass."""
        found = candidates.contents
        logits = [found.data[index].logit for index in range(min(found.size, _CANDIDATES))]
        best = max(range(len(logits)), key=logits.__getitem__)
        found.selected = best
        total = sum(math.exp(min(0.0, logit - logits[best])) for logit in logits)
        self._probability = 1.0 / total if total >= 1.0 else 0.0  # 0: what it computed is no number
