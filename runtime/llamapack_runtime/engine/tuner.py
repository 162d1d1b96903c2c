"""Chooses how many threads compute the coming step and how long they spin, and learns from the
times of the steps. Pure: its clock is the sum of the times it is told.

Threads that wait for each other by spinning collapse when another program takes a processor: a step
of two threads then takes 2 to 100 times as long, one of a single thread hardly longer. So the
tuner watches for steps that leave their level, then tries settings with fewer threads, and later
the larger ones again: at once when somebody says that processors are free (`note_spare`), else now
and then. What trials cost beyond the current setting is paid from a credit of `_SHARE` of all
time, so they cannot cost more than that for long, whatever happens.

Steps of different sizes do not compare: one token waits for memory, many wait for arithmetic, and
the best count can differ. So there is separate knowledge for 1, 2 to 8, 9 to 31, and more tokens;
within a class a step of n tokens counts as n + 4 units, since a step costs about as much before its
first token as for four, and as n + 16 in the last one, which other libraries may compute with a
larger fixed cost. Trouble found in one class is believed in the others.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean

MAX_THREADS = 512  # GGML_MAX_N_THREADS

# Of all time, what trials may cost; what may be saved up; what a disturbance adds.
_SHARE, _MOST_CREDIT_S, _DRIFT_CREDIT_S = 0.006, 0.5, 0.3
# A step is slow when it takes this many times its level: one token, several (rougher units).
_SLOW_ONE, _SLOW_SEVERAL = 1.3, 1.6
# Trouble: this much time lost in slow steps, and at least one level, two of the last four slow; or
# a single step that is far too long.
_LOST_S = 0.1
_RECENT, _SLOW_OF_RECENT = 4, 2
_FAR_TOO_LONG, _FAR_TOO_LONG_S = 5.0, 0.3
# Steps in a trial. A trial ends early when it is clearly lost; only a full one can be won.
_TRIAL_STEPS, _ROUND_STEPS = 8, 3
# Steps of the current setting before the first trial, so that its level is known.
_KNOWN_STEPS = 25
_CLEARLY_BETTER, _UNDISTURBED = 0.95, 1.15
# Between trials of one setting: this, doubled after each loss.
_PAUSE_S, _LONGEST_PAUSE_S, _LONGEST_SPARE_PAUSE_S = 1.0, 256.0, 16.0
# The belief in a disturbance fades by half in this time.
_FADE_S = 30.0
# A disturbance that was never timed.
_UNKNOWN_TROUBLE = 1e-9
# Of each further thread, the share of a processor that must be free; so much may lack at the start.
_SPARE_SHARE = 0.6
_NEARLY = 1 - _SPARE_SHARE
# Steps of more units are not used for trials, except to find out whether a disturbance has ended:
# one of them would be a visible stall.
_LARGEST_TRIAL = 64
# The first tokens of each class, and what a step costs before its first token, in tokens.
_CLASSES = ((1, 4), (2, 4), (9, 4), (32, 16))


@dataclass(frozen=True, slots=True)
class PoolSetting:
    """`poll` says how long a thread without work spins before it sleeps: 0 not at all, 50 is ggml's
    default, 100 longest. It means nothing to a single thread, which waits for nobody."""

    n_threads: int
    poll: int

    def __post_init__(self) -> None:
        assert 1 <= self.n_threads <= MAX_THREADS, f"{self.n_threads} threads"
        assert 0 <= self.poll <= 100, f"polling level {self.poll}"


class ThreadTuner:
    """`candidates` may lack `usual`, the setting to begin with. Used by one thread."""

    def __init__(self, candidates: Sequence[PoolSetting], usual: PoolSetting) -> None:
        settings = tuple(dict.fromkeys((usual, *candidates)))
        self._purse = _Purse()
        self._classes = tuple(
            _SizeClass(settings, self._purse, _SLOW_SEVERAL if index else _SLOW_ONE)
            for index in range(len(_CLASSES))
        )

    @property
    def current(self) -> PoolSetting:
        """What it holds to be best for steps of one token."""
        return self._classes[0].current.setting

    @property
    def wants_spare(self) -> bool:
        """Whether `note_spare` would help: before the first step, and when a disturbance has driven
        us from a larger setting."""
        return self._purse.clock_s == 0 or any(each.wants_spare for each in self._classes)

    def note_spare(self, processors: float) -> None:
        """How many processors were idle on average lately, beside those that we used."""
        self._purse.spare = processors

    def choose(self, n_tokens: int) -> PoolSetting:
        """The setting for the coming step."""
        own, units = self._class(n_tokens)
        return own.choose(units).setting

    def observe(self, setting: PoolSetting, n_tokens: int, seconds: float) -> None:
        """A step of `n_tokens` was computed with `setting` in `seconds`. Steps that were aborted
        should not be told."""
        self._purse.pass_time(seconds)
        own, units = self._class(n_tokens)
        before = own.current
        own.observe(setting, units, seconds)
        if own.has_fled or own.has_recovered:
            for other in self._classes:
                if other is not own:
                    other.follow(before.setting, own.current.setting)

    def _class(self, n_tokens: int) -> tuple[_SizeClass, int]:
        """And the units of such a step in it."""
        index = sum(n_tokens >= first for first, _ in _CLASSES[1:])
        return self._classes[index], n_tokens + _CLASSES[index][1]


@dataclass(slots=True)
class _Purse:
    """The clock, the credit for trials and the news about idle processors: common to all sizes."""

    clock_s: float = 0.0
    credit_s: float = 0.0
    spare: float | None = None

    def pass_time(self, seconds: float) -> None:
        self.clock_s += seconds
        if self.credit_s < _MOST_CREDIT_S:
            self.credit_s += seconds * _SHARE


@dataclass(slots=True, eq=False)
class _Arm:
    """One setting's record in one class; times are seconds a unit. `level` is its time when nothing
    disturbs; `trouble` the last disturbed time, seen at `tried_s` of the clock."""

    setting: PoolSetting
    level: float = 0.0
    seen: int = 0
    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    trouble: float = 0.0
    tried_s: float = 0.0
    due_s: float = 0.0
    pause_s: float = _PAUSE_S
    spare_pause_s: float = _PAUSE_S / 2

    @property
    def is_disturbed(self) -> bool:
        return self.trouble > 0

    def learn(self, unit: float, slow: float) -> None:
        """The level follows slow changes; times outside of its band count for little."""
        self.seen += 1
        self.recent.append(unit)
        if self.seen <= _RECENT:
            # Low, so that trouble from the start is seen as such.
            self.level = sorted(self.recent)[(self.seen - 1) // 3]
            return
        low, high = self.level / slow, self.level * slow
        share = 0.1 if low <= unit <= high else 0.05 if unit < low else 0.01
        self.level += (min(max(unit, low), high) - self.level) * share

    def is_slow(self, slow: float) -> bool:
        return sum(unit > self.level * slow for unit in self.recent) >= _SLOW_OF_RECENT

    def expected(self, clock_s: float, unknown: float) -> float:
        """What a step may take now: the trouble, as far as it is still believed."""
        faded = self.trouble * math.exp2((self.tried_s - clock_s) / _FADE_S)
        return max(self.level if self.seen else unknown, faded)

    def put_off(self, clock_s: float, pause_s: float, trouble: float) -> None:
        self.trouble, self.tried_s = trouble, clock_s
        self.pause_s, self.due_s = pause_s, clock_s + pause_s


class _SizeClass:
    """The settings' records for steps of one class of sizes."""

    def __init__(self, settings: Sequence[PoolSetting], purse: _Purse, slow: float) -> None:
        self._arms = tuple(_Arm(setting) for setting in settings)
        self._purse = purse
        self._slow = slow
        self.current = self._arms[0]
        self._is_fresh = True
        # What the last observation led to.
        self.has_fled = self.has_recovered = False
        self._lost_s = 0.0
        self._patience = 1.0
        # Arms still to try in a round after a disturbance; or the one arm in a trial.
        self._round: list[_Arm] = []
        self._tried: dict[_Arm, float] = {}
        self._trial: _Arm | None = None
        self._is_due_to_spare = False
        self._times: list[float] = []

    @property
    def wants_spare(self) -> bool:
        own = self.current.setting.n_threads
        return any(arm.is_disturbed and arm.setting.n_threads > own for arm in self._arms)

    def choose(self, units: int) -> _Arm:
        if self._is_fresh:
            self._begin()
        if self._round:
            return self._round[0]
        if self._trial is None and self.current.seen >= _KNOWN_STEPS:
            self._begin_trial(units)
        return self._trial or self.current

    def observe(self, setting: PoolSetting, units: int, seconds: float) -> None:
        self.has_fled = self.has_recovered = False
        arm = next((arm for arm in self._arms if arm.setting == setting), None)
        if arm is None:
            return
        unit = seconds / units
        arm.learn(unit, self._slow)
        if self._round:
            if arm is self._round[0]:
                self._continue_round(unit)
        elif arm is self._trial:
            self._purse.credit_s -= max(0.0, unit - self.current.level) * units
            self._continue_trial(arm, unit)
        elif arm is self.current:
            self._watch(arm, units, seconds)

    def follow(self, old: PoolSetting, new: PoolSetting) -> None:
        """Another class went from `old` to `new`, because of a disturbance or after its end."""
        arm = next(arm for arm in self._arms if arm.setting == new)
        own = self.current.setting
        if old.n_threads < new.n_threads:
            if arm.is_disturbed and own.n_threads < new.n_threads:
                self._recover(arm)
        elif own.n_threads >= old.n_threads and own != new:
            self._flee_to(arm)

    def _begin(self) -> None:
        """On a computer that is known to be busy, with as many threads as find a processor."""
        self._is_fresh = False
        spare = self._purse.spare
        if spare is None:
            return
        fitting = [arm for arm in self._arms if arm.setting.n_threads <= spare + 1 + _NEARLY]
        least = min(self._arms, key=lambda arm: arm.setting.n_threads)
        best = max(fitting, key=lambda arm: arm.setting.n_threads, default=least)
        if best.setting.n_threads < self.current.setting.n_threads:
            self._flee_to(best)

    # The current setting is watched: time lost in slow steps adds up, fast steps pay it back.

    def _watch(self, arm: _Arm, units: int, seconds: float) -> None:
        level_s = arm.level * units
        self._lost_s = max(0.0, self._lost_s + seconds - level_s * self._slow)
        limit_s = max(_LOST_S, level_s) * self._patience
        is_far_too_long = seconds > level_s * _FAR_TOO_LONG and seconds > _FAR_TOO_LONG_S
        if self._lost_s == 0.0:
            self._patience = max(1.0, self._patience * 0.999)
        elif self._lost_s > limit_s and (arm.is_slow(self._slow) or is_far_too_long):
            self._begin_round()

    # A round: each setting that asks no more of the computer, the largest first.

    def _begin_round(self) -> None:
        own = self.current.setting.n_threads
        others = [arm for arm in self._arms if arm is not self.current]
        fewer = [arm for arm in others if arm.setting.n_threads < own]
        equal = [arm for arm in others if arm.setting.n_threads == own]
        self._round = sorted(fewer, key=lambda arm: -arm.setting.n_threads) + equal
        self._trial, self._times, self._tried, self._lost_s = None, [], {}, 0.0
        if not self._round:
            self._stay()

    def _continue_round(self, unit: float) -> None:
        arm = self._round[0]
        self._times.append(unit)
        best = min(self._tried.values(), default=fmean(self.current.recent))
        if len(self._times) < _ROUND_STEPS and unit < 2 * best:
            return
        self._tried[arm] = fmean(self._times)
        self._times = []
        self._round.pop(0)
        if self._is_good_enough(arm, self._tried[arm]):
            self._round = []
        if not self._round:
            self._end_round()

    def _is_good_enough(self, arm: _Arm, unit: float) -> bool:
        """Trying the rest, which may be as disturbed as the current one, could cost more than it
        brings; there are trials later."""
        is_calm = arm.seen > _RECENT and unit < arm.level * _UNDISTURBED
        is_fast = unit < self.current.level * self._slow
        return is_calm or is_fast or unit < fmean(self.current.recent) / 2

    def _end_round(self) -> None:
        best = min(self._tried, key=lambda arm: self._tried[arm])
        if self._tried[best] < fmean(self.current.recent) * _CLEARLY_BETTER:
            self._purse.credit_s += _DRIFT_CREDIT_S
            self._purse.spare = 0.0
            self._flee_to(best)
            self.has_fled = True
        else:
            self._stay()

    def _stay(self) -> None:
        """All is slower now, or nothing is better: that is the level from here on."""
        self.current.level = fmean(self.current.recent)
        self._lost_s, self._patience = 0.0, min(8.0, self._patience * 2)

    def _flee_to(self, arm: _Arm) -> None:
        trouble = fmean(self.current.recent) if self.current.recent else _UNKNOWN_TROUBLE
        own = self.current.setting.n_threads
        for other in self._arms:
            if other.setting.n_threads >= own and other is not arm:
                other.put_off(self._purse.clock_s, _PAUSE_S, max(trouble, other.trouble))
                other.spare_pause_s = _PAUSE_S / 2
        if arm in self._tried:
            arm.level = self._tried[arm]
        self._take(arm)

    # A trial: another setting for a few steps, when it is due and the credit allows it.

    def _begin_trial(self, units: int) -> None:
        allowed = [
            arm for arm in self._arms if arm is not self.current and self._may_try(arm, units)
        ]
        if allowed:
            clock_s, unknown = self._purse.clock_s, self.current.level
            fitting = [arm for arm in allowed if self._has_room_for(arm)]
            self._is_due_to_spare = bool(fitting)
            self._trial = (
                fitting or sorted(allowed, key=lambda arm: arm.expected(clock_s, unknown))
            )[0]
            self._times = []

    def _may_try(self, arm: _Arm, units: int) -> bool:
        if units > _LARGEST_TRIAL and not arm.is_disturbed:
            return False
        clock_s = self._purse.clock_s
        if self._has_room_for(arm):
            return clock_s >= arm.tried_s + arm.spare_pause_s
        level = self.current.level
        cost_s = (arm.expected(clock_s, level) - level) * units
        return clock_s >= arm.due_s and self._purse.credit_s > max(0.0, cost_s)

    def _has_room_for(self, arm: _Arm) -> bool:
        more = arm.setting.n_threads - self.current.setting.n_threads
        spare = self._purse.spare or 0.0
        return arm.is_disturbed and more > 0 and spare >= more * _SPARE_SHARE

    def _continue_trial(self, arm: _Arm, unit: float) -> None:
        self._times.append(unit)
        mean, level = fmean(self._times), self.current.level
        if mean > level * (_CLEARLY_BETTER + 0.4 / len(self._times) ** 0.5):
            self._lose(arm, mean)
        elif len(self._times) >= _TRIAL_STEPS:
            if mean >= level * _CLEARLY_BETTER:
                self._lose(arm, mean)
            elif arm.is_disturbed:
                self._recover(arm)
                self.has_recovered = True
            else:
                # Fewer threads won: perhaps there is a disturbance that came slowly.
                is_fewer = arm.setting.n_threads < self.current.setting.n_threads
                trouble = self.current.level if is_fewer else 0.0
                self.current.put_off(self._purse.clock_s, 8 * _PAUSE_S, trouble)
                self._take(arm)

    def _lose(self, arm: _Arm, mean: float) -> None:
        trouble = mean if arm.is_disturbed else 0.0
        if self._is_due_to_spare:
            arm.spare_pause_s = min(_LONGEST_SPARE_PAUSE_S, arm.spare_pause_s * 2)
            self._purse.spare = 0.0
        arm.put_off(self._purse.clock_s, min(_LONGEST_PAUSE_S, arm.pause_s * 2), trouble)
        self._trial = None

    def _recover(self, arm: _Arm) -> None:
        """The disturbance is over for this setting, and so for all that ask no more."""
        for other in self._arms:
            if other.setting.n_threads <= arm.setting.n_threads:
                other.put_off(self._purse.clock_s, 8 * _PAUSE_S, 0.0)
        self._purse.credit_s = max(0.0, self._purse.credit_s)
        self._take(arm)

    def _take(self, arm: _Arm) -> None:
        self.current, self._trial, self._round = arm, None, []
        self._times, self._tried, self._lost_s = [], {}, 0.0
        self.current.trouble = 0.0
