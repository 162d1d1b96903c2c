"""Which threads are set for a step."""

from __future__ import annotations

from llamapack_runtime.engine.tuned_threads import TunedThreads
from llamapack_runtime.engine.tuner import PoolSetting, ThreadTuner

ONE, TWO, TWO_ASLEEP = PoolSetting(1, 0), PoolSetting(2, 50), PoolSetting(2, 0)


def threads(
    used: list[tuple[PoolSetting, PoolSetting]], spare: float | None, sleeps_from: int | None
) -> TunedThreads:
    def use(one: PoolSetting, several: PoolSetting) -> None:
        used.append((one, several))

    return TunedThreads(ThreadTuner((ONE,), TWO), use, lambda: spare, sleeps_from)


def test_threads_without_work_sleep_in_wide_steps() -> None:
    used: list[tuple[PoolSetting, PoolSetting]] = []
    tuned = threads(used, spare=8.0, sleeps_from=32)
    assert [tuned.choose(n_tokens) for n_tokens in (1, 31, 32)] == [TWO, TWO, TWO]
    assert used == [(TWO, TWO), (TWO, TWO), (TWO, TWO_ASLEEP)]


def test_a_busy_computer_is_seen_before_the_first_step() -> None:
    used: list[tuple[PoolSetting, PoolSetting]] = []
    tuned = threads(used, spare=0.0, sleeps_from=None)
    assert tuned.choose(1) == ONE
    assert (used, tuned.n_threads) == ([(ONE, ONE)], 1)
