"""Sets the threads of each step as the tuner chooses them. For chats and for embeddings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from llamapack_runtime.engine.tuner import PoolSetting, ThreadTuner


class TunedThreads:
    """`use` sets what computes one token, and several. `spare` tells how many processors are idle,
    or None. In steps of `sleeps_from` tokens or more, threads without work sleep at once: another
    library's threads need their processors. Used by the thread that computes."""

    def __init__(
        self,
        tuner: ThreadTuner,
        use: Callable[[PoolSetting, PoolSetting], None],
        spare: Callable[[], float | None],
        sleeps_from: int | None,
    ) -> None:
        self._tuner = tuner
        self._use = use
        self._spare = spare
        self._sleeps_from = sleeps_from
        self.observe = tuner.observe

    @property
    def n_threads(self) -> int:
        """Of a step of one token, at present."""
        return self._tuner.current.n_threads

    def choose(self, n_tokens: int) -> PoolSetting:
        """Set the best one for the coming step. `observe` it if the step is computed."""
        spare = self._spare() if self._tuner.wants_spare else None
        if spare is not None:
            self._tuner.note_spare(spare)
        setting = self._tuner.choose(n_tokens)
        self.use(setting, n_tokens)
        return setting

    def use(self, setting: PoolSetting, n_tokens: int) -> None:
        is_wide = self._sleeps_from is not None and n_tokens >= self._sleeps_from
        self._use(setting, replace(setting, poll=0) if is_wide else setting)
