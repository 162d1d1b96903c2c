"""The rule of thumb and the settings to choose from."""

from __future__ import annotations

import pytest

from llamapack_runtime.engine.tuner import MAX_THREADS, PoolSetting
from llamapack_runtime.hardware.cpus import CpuLimits
from llamapack_runtime.hardware.threads import pool_candidates, pool_setting, usual_threads


@pytest.mark.parametrize(
    ("limits", "usual"),
    [
        (CpuLimits(20, 14, None, (), 6), 6),
        (CpuLimits(20, 14, 4.0, (), 6), 4),
        (CpuLimits(16, 8, None, ()), 8),
    ],
    ids=["fast cores", "fast cores within a quota", "cores alike"],
)
def test_one_thread_for_each_fast_core(limits: CpuLimits, usual: int) -> None:
    assert usual_threads(limits) == usual


@pytest.mark.parametrize(
    ("physical", "expected"),
    [
        (1, [(1, 0)]),
        (2, [(2, 50), (2, 0), (1, 0)]),
        (4, [(4, 50), (4, 0), (3, 0), (2, 0), (1, 0)]),
        (8, [(8, 50), (8, 0), (7, 0), (4, 0), (1, 0)]),
    ],
)
def test_candidates(physical: int, expected: list[tuple[int, int]]) -> None:
    settings = pool_candidates(CpuLimits(16, physical, None, ()))
    assert [(each.n_threads, each.poll) for each in settings] == expected
    assert settings[0] == pool_setting(physical)


def test_a_count_that_was_asked_for_is_kept() -> None:
    limits = CpuLimits(16, 8, None, ())
    assert pool_candidates(limits, 12) == (PoolSetting(12, 50), PoolSetting(12, 0))
    assert pool_candidates(limits, 1) == (PoolSetting(1, 0),)


def test_no_more_threads_than_a_pool_can_hold() -> None:
    settings = pool_candidates(CpuLimits(2000, 1000, None, ()))
    assert max(each.n_threads for each in settings) == MAX_THREADS
