"""The seam between the engine's loop and what computes: llama.cpp here, a fake in tests."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from llamapack_runtime.engine.context import Context
from llamapack_runtime.engine.model import Model
from llamapack_runtime.engine.sampler import LlamaSampler
from llamapack_runtime.engine.step import Chunk, Copy, DecodeOutcome, Remove, Shift
from llamapack_runtime.engine.types import SamplingParams

if TYPE_CHECKING:
    from llamapack_runtime.engine.threadpools import ThreadPools
    from llamapack_runtime.engine.tuner import PoolSetting, ThreadTuner


class Sampler(Protocol):
    """The state of one request's sampling. It outlives the request's stay in a slot."""

    def sample(self, row: int) -> int:
        """Choose a token from a row of the last decode's logits, and remember it."""

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

    def decode(self, chunks: Sequence[Chunk]) -> DecodeOutcome:
        """Compute one batch. DecodeError when it failed for a reason that will not pass."""

    def perform(self, operation: Remove | Copy | Shift) -> None: ...

    def save(self, slot: int) -> bytes | bytearray:
        """A copy of a slot's state."""

    def restore(self, slot: int, data: bytes | bytearray | memoryview) -> bool:
        """Fill an empty slot from such a copy; False: it stays empty."""

    def create_sampler(self, params: SamplingParams, prompt_tokens: Sequence[int]) -> Sampler: ...

    def piece(self, token: int) -> bytes: ...

    def is_end(self, token: int) -> bool: ...

    def interrupt(self) -> None:
        """From any thread: the running decode and all later ones return "aborted" soon."""

    def close(self) -> None:
        """Free the context. The model stays open."""


class LlamaBackend:
    """llama.cpp. Takes over `context`, and `pools` if there are any, and closes them; `model` stays
    the caller's. With pools, `tuner` chooses how many threads compute each step; `spare` tells how
    many processors are idle, or None. In steps of `sleeps_from` tokens or more, threads without
    work sleep at once: another library's threads need their processors."""

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
        self._tuner = tuner
        self._spare = spare
        self._sleeps_from = sleeps_from
        self.n_ctx = context.n_ctx
        self.n_seq_max = context.n_seq_max
        self.n_batch = context.n_batch
        self.n_vocab = model.n_vocab
        self.can_truncate = context.can_truncate
        self.can_shift = context.can_shift
        self.perform = context.perform
        self.save = context.save
        self.restore = context.restore
        self.interrupt = context.interrupt
        self.piece = model.piece
        self.is_end = model.is_end

    @property
    def n_threads(self) -> int:
        return self._context.n_threads if self._tuner is None else self._tuner.current.n_threads

    def decode(self, chunks: Sequence[Chunk]) -> DecodeOutcome:
        if self._pools is None or self._tuner is None:
            return self._context.decode(chunks)
        n_tokens = sum(len(chunk.tokens) for chunk in chunks)
        spare = self._spare() if self._tuner.wants_spare else None
        if spare is not None:
            self._tuner.note_spare(spare)
        setting = self._tuner.choose(n_tokens)
        self._pools.use(setting, self._for_batch(setting, n_tokens))
        started = time.perf_counter()
        outcome = self._context.decode(chunks)
        if outcome == "ok":
            self._tuner.observe(setting, n_tokens, time.perf_counter() - started)
        return outcome

    def _for_batch(self, setting: PoolSetting, n_tokens: int) -> PoolSetting:
        is_wide = self._sleeps_from is not None and n_tokens >= self._sleeps_from
        return replace(setting, poll=0) if is_wide else setting

    def create_sampler(self, params: SamplingParams, prompt_tokens: Sequence[int]) -> Sampler:
        return LlamaSampler(self._context, params, prompt_tokens)

    def close(self) -> None:
        if self._pools is not None:
            self._pools.close()
        self._context.close()
