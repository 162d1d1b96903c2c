"""Which threads compute embeddings: as many as are best at the moment, or a single one that takes
what a running chat leaves of the processors."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

from llamapack_runtime.engine.embed_batches import Piece
from llamapack_runtime.engine.embed_context import PooledContext
from llamapack_runtime.engine.embed_types import Rows
from llamapack_runtime.engine.priority import yield_to_others
from llamapack_runtime.engine.threadpools import ThreadPools
from llamapack_runtime.engine.tuned_threads import TunedThreads
from llamapack_runtime.engine.tuner import PoolSetting, ThreadTuner

_POLITE = PoolSetting(1, 0)


class Pooled(Protocol):
    """The seam between the embedder's loop and what computes: llama.cpp here, a fake in tests.
    Called on the embedder's thread alone, except `interrupt`."""

    @property
    def n_batch(self) -> int:
        """The most tokens at once."""

    @property
    def n_sequences(self) -> int:
        """The most inputs at once."""

    @property
    def can_split(self) -> bool:
        """An input may be computed in parts, one after the other."""

    def compute(self, pieces: Sequence[Piece], *, is_polite: bool) -> list[Rows] | None:
        """The rows of each piece; None when interrupted. DecodeError when it failed. `is_polite`:
        others come first."""

    def forget(self) -> None:
        """Sequences begin anew."""

    def interrupt(self) -> None:
        """From any thread: what runs and all that follows is given up."""

    def close(self) -> None: ...


class EmbedBackend:
    """llama.cpp. Takes over `context`, and `pools` if there are any, and closes them. The rest is
    as `TunedThreads` has it."""

    def __init__(
        self,
        context: PooledContext,
        pools: ThreadPools | None,
        tuner: ThreadTuner,
        spare: Callable[[], float | None] = lambda: None,
        *,
        sleeps_from: int | None = None,
    ) -> None:
        self._context = context
        self._pools = pools
        use = self._use_without_pools if pools is None else pools.use
        self._threads = TunedThreads(tuner, use, spare, sleeps_from)
        # A thread of its own: on some systems a thread cannot come first again.
        self._polite = ThreadPoolExecutor(1, "embedder-polite", initializer=yield_to_others)
        self.n_batch = context.n_batch
        self.n_sequences = context.n_sequences
        self.can_split = context.can_split
        self.forget = context.forget
        self.interrupt = context.interrupt

    def compute(self, pieces: Sequence[Piece], *, is_polite: bool) -> list[Rows] | None:
        n_tokens = sum(len(piece.tokens) for piece in pieces)
        if is_polite:
            self._threads.use(_POLITE, n_tokens)
            return self._polite.submit(self._context.compute, pieces).result()
        setting = self._threads.choose(n_tokens)
        started = time.perf_counter()
        rows = self._context.compute(pieces)
        if rows is not None:
            self._threads.observe(setting, n_tokens, time.perf_counter() - started)
        return rows

    def close(self) -> None:
        """May be called twice."""
        self._polite.shutdown()
        if self._pools is not None:
            self._pools.close()
        self._context.close()

    def _use_without_pools(self, setting: PoolSetting, _several: PoolSetting) -> None:
        self._context.set_threads(setting.n_threads)
