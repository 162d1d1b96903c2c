"""The seam between the engine's loop and what computes: llama.cpp here, a fake in tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence, Set
from typing import TYPE_CHECKING, Protocol

from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.sampler import LlamaSampler
from llamapack_runtime.engine.step import Chunk, Copy, DecodeOutcome, Remove, Shift
from llamapack_runtime.engine.tuned_threads import TunedThreads
from llamapack_runtime.engine.types import Adapters, Request, SampledToken

if TYPE_CHECKING:
    from llamapack_runtime.engine.threadpools import ThreadPools
    from llamapack_runtime.engine.tuner import ThreadTuner


class Sampler(Protocol):
    """The state of one request's sampling. It outlives the request's stay in a slot."""

    def sample(self, row: int) -> SampledToken:
        """Choose a token from a row of the last decode's logits, and remember it. GrammarError
        when the request's grammar cannot be followed."""

    def force(self, token: int) -> SampledToken:
        """Take `token` instead. GrammarError when the grammar does not allow it."""

    def forced(self) -> list[int]:
        """The tokens that must come next."""

    @property
    def is_over(self) -> bool:
        """Whether nothing may come any more."""

    def close(self) -> None: ...


class Backend(Protocol):
    """Called on the engine thread alone, except `interrupt`."""

    @property
    def n_ctx(self) -> int:
        """Cells of the cache, and so the longest sequence."""

    @property
    def n_seq_max(self) -> int:
        """Slots: sequences in the cache at once."""

    @property
    def n_batch(self) -> int:
        """The most tokens in one decode; at least n_seq_max."""

    @property
    def n_vocab(self) -> int: ...

    @property
    def can_truncate(self) -> bool:
        """A sequence's end can be forgotten, and any part of it shared."""

    @property
    def can_shift(self) -> bool:
        """A part in the middle of a sequence can be forgotten."""

    @property
    def n_threads(self) -> int:
        """Threads that compute a step of one token at present."""

    @property
    def adapters(self) -> Set[str]:
        """The names of all adapters that there are."""

    def decode(self, chunks: Sequence[Chunk], adapters: Adapters = ()) -> DecodeOutcome:
        """Compute one batch with these adapters. DecodeError when it failed for a reason that will
        not pass."""

    def perform(self, operation: Remove | Copy | Shift) -> None: ...

    def save(self, slot: int) -> bytes | bytearray:
        """A copy of a slot's state."""

    def restore(self, slot: int, data: bytes | bytearray | memoryview) -> bool:
        """Fill an empty slot from such a copy; False: it stays empty."""

    def create_sampler(self, request: Request) -> Sampler: ...

    def piece(self, token: int) -> bytes: ...

    def named_piece(self, token: int) -> bytes:
        """As `piece`, but control tokens have their name as text."""

    def is_end(self, token: int) -> bool: ...

    def interrupt(self) -> None:
        """From any thread: the running decode and all later ones return "aborted" soon."""

    def close(self) -> None:
        """Free the context. The model stays open."""


class LlamaBackend:
    """llama.cpp. Takes over `context`, and `pools` if there are any, and closes them; `model` stays
    the caller's. With pools, `tuner` chooses how many threads compute each step; `spare` and
    `sleeps_from` are as `TunedThreads` has them."""

    def __init__(
        self,
        model: Model,
        context: Context,
        pools: ThreadPools | None = None,
        tuner: ThreadTuner | None = None,
        spare: Callable[[], float | None] = lambda: None,
        *,
        sleeps_from: int | None = None,
    ) -> None:
        self._context = context
        self._pools = pools
        self._threads: TunedThreads | None = None
        if pools is not None and tuner is not None:
            self._threads = TunedThreads(tuner, pools.use, spare, sleeps_from)
        self.n_ctx = context.n_ctx
        self.n_seq_max = context.n_seq_max
        self.n_batch = context.n_batch
        self.n_vocab = model.n_vocab
        self.adapters = context.adapters
        self.can_truncate = context.can_truncate
        self.can_shift = context.can_shift
        self.perform = context.perform
        self.save = context.save
        self.restore = context.restore
        self.interrupt = context.interrupt
        self.piece = model.piece
        self.named_piece = model.named_piece
        self.is_end = model.is_end

    @property
    def n_threads(self) -> int:
        return (self._threads or self._context).n_threads

    def decode(self, chunks: Sequence[Chunk], adapters: Adapters = ()) -> DecodeOutcome:
        is_changed = self._context.use(adapters)
        if self._threads is None:
            return self._context.decode(chunks)
        n_tokens = sum(len(chunk.tokens) for chunk in chunks)
        setting = self._threads.choose(n_tokens)
        started = time.perf_counter()
        outcome = self._context.decode(chunks)
        if outcome == "ok" and not is_changed:  # which takes time of its own
            self._threads.observe(setting, n_tokens, time.perf_counter() - started)
        return outcome

    def create_sampler(self, request: Request) -> Sampler:
        return LlamaSampler(self._context, request)

    def close(self) -> None:
        if self._pools is not None:
            self._pools.close()
        self._context.close()
