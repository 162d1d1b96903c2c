"""How many threads to compute with: which counts are worth a try, and what their times mean. Pure.

Rule of thumb where there is no time to measure: one thread for each physical core within the limits
of affinity and control group. Two threads on one core share its arithmetic units and gain little;
where there are fast and slow cores, only the fast ones count, since the others are waited for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import median

from llamapack_runtime.engine.tuner import MAX_THREADS, PoolSetting
from llamapack_runtime.hardware.cpus import CpuLimits
from llamapack_runtime.hardware.messages import Timed

# How often each count is timed, in turns.
THREAD_ROUNDS = 5
# Another count must be this much faster than the usual one to be preferred.
_CLEARLY = 0.10
# A child that gets less than this share of the processors it spins on has a busy neighbour.
_UNDISTURBED = 0.85
# ggml's default: threads without work spin for some tens of milliseconds before they sleep.
_SPINNING = 50


def usual_threads(limits: CpuLimits) -> int:
    """The rule of thumb."""
    return min(limits.performance or limits.physical, limits.most_threads)


def thread_candidates(limits: CpuLimits) -> tuple[int, ...]:
    """Counts worth timing, never more than the limits grant: the rule of thumb, half of it (mixed
    fast and slow cores, shared memory bandwidth), one, and all logical processors."""
    usual = usual_threads(limits)
    counts = {1, (usual + 1) // 2, usual, limits.most_threads}
    return tuple(sorted(counts))


def pool_candidates(limits: CpuLimits, asked: int | None = None) -> tuple[PoolSetting, ...]:
    """The settings to choose from while running, the one for a calm computer first: all usual
    threads, spinning or not, one less (somebody else has a core), half and one. Fewer threads do
    not spin, since they are for a busy computer. A count that the user `asked` for is kept."""
    usual = min(asked or usual_threads(limits), MAX_THREADS)
    counts = {usual - 1, (usual + 1) // 2, 1} if asked is None else set()
    fewer = sorted((count for count in counts if 0 < count < usual), reverse=True)
    spinning = [pool_setting(usual)] if usual > 1 else []
    return (*spinning, *(PoolSetting(count, 0) for count in (usual, *fewer)))


def pool_setting(n_threads: int) -> PoolSetting:
    """The setting to begin with: a single thread waits for nobody."""
    return PoolSetting(min(n_threads, MAX_THREADS), _SPINNING if n_threads > 1 else 0)


def choose_threads(usual: int, times: Mapping[int, Sequence[Timed]]) -> int:
    """The count with the shortest typical step. The median counts here, not the best: what a busy
    neighbour does to a spinning thread is the very thing to be found out."""
    typical = {
        count: median(timed.seconds for timed in repeats)
        for count, repeats in times.items()
        if repeats
    }
    if usual not in typical:
        return usual
    best = min(typical, key=lambda count: (typical[count], count))
    return best if typical[best] < typical[usual] * (1 - _CLEARLY) else usual


def was_disturbed(times: Mapping[int, Sequence[Timed]]) -> bool:
    """Whether other programs took the processors while this was timed."""
    repeats = [timed for same in times.values() for timed in same]
    granted = sum(timed.cpu_seconds for timed in repeats)
    wanted = sum(timed.seconds * timed.threads for timed in repeats)
    return granted < wanted * _UNDISTURBED
