"""The choice of threads on simulated computers that are calm, busy, or change between the two."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from llamapack_runtime.engine.tuner import PoolSetting, ThreadTuner

TWO, TWO_SLEEPY, ONE = PoolSetting(2, 50), PoolSetting(2, 0), PoolSetting(1, 0)
CANDIDATES = (TWO, TWO_SLEEPY, ONE)
# A smaller seed is no simpler a case.
simulated = settings(max_examples=8, deadline=None, derandomize=True, phases=(Phase.generate,))
SEEDS = st.integers(0, 2**32 - 1)
Machine = Callable[[PoolSetting, random.Random], float]


def calm(setting: PoolSetting, _noise: random.Random) -> float:
    """Seconds of a step of one token: two threads are best."""
    return {TWO: 0.0120, TWO_SLEEPY: 0.0122, ONE: 0.0200}[setting]


def busy(setting: PoolSetting, _noise: random.Random) -> float:
    """Beside one busy process on two cores."""
    return {TWO: 0.0600, TWO_SLEEPY: 0.0300, ONE: 0.0220}[setting]


def crowded(setting: PoolSetting, noise: random.Random) -> float:
    """Beside several: two threads wait for each other for whole turns of the others."""
    if setting == ONE:
        return 0.033
    return noise.choice([0.022, 0.06, 0.22, 1.0, 3.0])


@dataclass
class Run:
    """A generation that goes on: its own clock, and the settings of its steps."""

    seed: int
    noise: float = 0.2
    tells_spare: bool = True
    tuner: ThreadTuner = field(default_factory=lambda: ThreadTuner(CANDIDATES, TWO))
    clock_s: float = 0.0
    told_s: float = 0.0

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)

    def steps(self, machine: Machine, seconds: float, n_tokens: int = 1) -> list[PoolSetting]:
        """Steps until this many seconds have passed."""
        chosen, end_s = [], self.clock_s + seconds
        while self.clock_s < end_s:
            setting = self.tuner.choose(n_tokens)
            duration = machine(setting, self.random)
            duration *= max(0.3, self.random.gauss(1, self.noise))
            self.tuner.observe(setting, n_tokens, duration)
            self.clock_s += duration
            chosen.append(setting)
            if self.tells_spare and self.tuner.wants_spare and self.clock_s - self.told_s > 0.5:
                self.told_s = self.clock_s
                self.tuner.note_spare(1.0 if machine is calm and setting == ONE else 0.0)
        return chosen

    def rate(self, machine: Machine, seconds: float) -> float:
        """Tokens per second."""
        begun_s = self.clock_s
        return len(self.steps(machine, seconds)) / (self.clock_s - begun_s)


def seconds_to_settle(run: Run, machine: Machine, wanted: set[PoolSetting]) -> float:
    """Until ten steps in a row are computed with what is wanted."""
    begun_s, in_a_row = run.clock_s, 0
    while in_a_row < 10:
        (setting,) = run.steps(machine, 1e-9)
        in_a_row = in_a_row + 1 if setting in wanted else 0
        assert run.clock_s - begun_s < 120, "never settles"
    return run.clock_s - begun_s


@simulated
@given(SEEDS)
def test_a_calm_computer_loses_two_percent_at_most(seed: int) -> None:
    """Of which 1.6 are the difference of settings that noise of 20 % hides."""
    assert Run(seed).rate(calm, 40) * 0.0120 > 0.97


@simulated
@given(SEEDS)
def test_what_trials_cost_on_a_calm_computer(seed: int) -> None:
    run = Run(seed, noise=0.02)
    assert run.rate(calm, 40) * 0.0120 > 0.99


@simulated
@given(SEEDS)
def test_a_busy_neighbour_is_noticed_within_a_second(seed: int) -> None:
    run = Run(seed)
    run.steps(calm, 10)
    assert seconds_to_settle(run, busy, {ONE, TWO_SLEEPY}) < 1.5


@simulated
@given(SEEDS)
def test_beside_a_busy_neighbour_at_least_nine_tenths_of_the_best(seed: int) -> None:
    run = Run(seed)
    run.steps(calm, 10)
    assert run.rate(busy, 40) * 0.0220 > 0.9


@simulated
@given(SEEDS)
def test_a_computer_that_is_busy_from_the_start(seed: int) -> None:
    run = Run(seed)
    run.steps(busy, 15)
    assert run.rate(busy, 30) * 0.0220 > 0.9


@simulated
@given(SEEDS)
def test_a_crowded_computer_costs_seconds_once(seed: int) -> None:
    run = Run(seed)
    run.steps(calm, 10)
    run.steps(crowded, 20)
    assert run.tuner.current == ONE
    assert run.rate(crowded, 60) * 0.033 > 0.9


@pytest.mark.parametrize("trouble", [busy, crowded])
@simulated
@given(seed=SEEDS)
def test_the_calm_is_recovered_within_two_seconds(trouble: Machine, seed: int) -> None:
    run = Run(seed)
    run.steps(calm, 10)
    run.steps(trouble, 20)
    assert seconds_to_settle(run, calm, {TWO, TWO_SLEEPY}) < 2


@simulated
@given(SEEDS)
def test_the_calm_is_recovered_without_news_of_idle_processors(seed: int) -> None:
    run = Run(seed, tells_spare=False)
    run.steps(calm, 10)
    run.steps(busy, 20)
    assert seconds_to_settle(run, calm, {TWO, TWO_SLEEPY}) < 60


@simulated
@given(SEEDS, st.floats(0.5, 10.0))
def test_a_neighbour_that_comes_and_goes(seed: int, span_s: float) -> None:
    """Changes within a second cannot be followed, but cost little; slower ones are."""
    run = Run(seed)
    run.steps(calm, 5)
    spans: list[Machine] = [busy, calm] * 10
    steps = sum(len(run.steps(machine, span_s)) for machine in spans)
    fixed = {
        each: 10 * span_s / busy(each, run.random) + 10 * span_s / calm(each, run.random)
        for each in CANDIDATES
    }
    assert steps > 0.85 * fixed[ONE]
    assert steps > (0.85 if span_s < 3 else 0.95) * fixed[TWO]
    assert span_s < 5 or steps > max(fixed.values())


@simulated
@given(SEEDS, st.lists(st.integers(1, 600), min_size=1, max_size=6))
def test_mixed_sizes_on_a_calm_computer(seed: int, sizes: list[int]) -> None:
    """A step costs as much as ten tokens before its first one; sizes alone are no disturbance."""
    tuner, noise = ThreadTuner(CANDIDATES, TWO), random.Random(seed)
    best = spent = 0.0
    for turn in range(3000):
        n_tokens = sizes[turn % len(sizes)]
        setting = tuner.choose(n_tokens)
        wanted = calm(TWO, noise) * (10 + n_tokens) / 11
        actual = calm(setting, noise) * (10 + n_tokens) / 11 * max(0.3, noise.gauss(1, 0.1))
        tuner.observe(setting, n_tokens, actual)
        best, spent = best + wanted, spent + actual
    assert best / spent > 0.95


def feed(tuner: ThreadTuner, n_tokens: int, seconds: Iterable[float]) -> None:
    for duration in seconds:
        tuner.observe(tuner.choose(n_tokens), n_tokens, duration)


def test_trouble_in_one_size_is_believed_in_the_others() -> None:
    run = Run(1)
    run.steps(calm, 2, n_tokens=32)
    run.steps(calm, 5)
    run.steps(crowded, 15)
    assert run.tuner.current == ONE
    assert run.tuner.choose(32) == ONE
    run.steps(calm, 5)
    assert run.tuner.current.n_threads == run.tuner.choose(32).n_threads == 2


def test_a_single_hiccup_changes_nothing() -> None:
    tuner = ThreadTuner(CANDIDATES, TWO)
    feed(tuner, 1, [0.012] * 20)
    feed(tuner, 1, [0.2])
    assert tuner.choose(1) == TWO


def test_a_longer_context_is_no_reason_to_leave() -> None:
    tuner = ThreadTuner(CANDIDATES, TWO)
    feed(tuner, 1, [0.012] * 100)
    for _ in range(400):
        setting = tuner.choose(1)
        tuner.observe(setting, 1, 2.5 * calm(setting, random.Random()))
    assert tuner.current in (TWO, TWO_SLEEPY)


@pytest.mark.parametrize(
    ("spare", "threads"), [(7.0, 8), (6.7, 8), (6.1, 7), (3.2, 4), (0.0, 1), (None, 8)]
)
def test_it_begins_with_as_many_threads_as_find_a_processor(
    spare: float | None, threads: int
) -> None:
    candidates = tuple(PoolSetting(count, 0) for count in (8, 7, 4, 1))
    tuner = ThreadTuner(candidates, PoolSetting(8, 50))
    assert tuner.wants_spare
    if spare is not None:
        tuner.note_spare(spare)
    assert tuner.choose(1).n_threads == threads


def test_a_small_beginning_grows_when_processors_become_idle() -> None:
    run = Run(3)
    run.tuner.note_spare(0.0)
    assert run.steps(crowded, 5)[-1] == ONE
    assert seconds_to_settle(run, calm, {TWO, TWO_SLEEPY}) < 2


def test_a_large_prompt_is_never_used_for_a_trial() -> None:
    tuner = ThreadTuner(CANDIDATES, TWO)
    for _ in range(2000):
        assert tuner.choose(512) == TWO
        tuner.observe(TWO, 512, 0.5)


def test_one_candidate_is_always_chosen() -> None:
    tuner = ThreadTuner((), ONE)
    feed(tuner, 1, [0.01] * 50 + [3.0] * 10 + [0.01] * 50)
    assert tuner.choose(1) == tuner.current == ONE


def test_a_setting_that_is_no_candidate_is_ignored() -> None:
    tuner = ThreadTuner(CANDIDATES, TWO)
    tuner.observe(PoolSetting(7, 0), 1, 9.0)
    assert tuner.choose(1) == TWO


@simulated
@given(SEEDS, st.lists(st.tuples(st.integers(1, 600), st.floats(0, 10)), max_size=300))
def test_any_times_are_survived(seed: int, steps: list[tuple[int, float]]) -> None:
    tuner, noise = ThreadTuner(CANDIDATES, TWO), random.Random(seed)
    for n_tokens, seconds in steps:
        setting = tuner.choose(n_tokens)
        assert setting in CANDIDATES
        tuner.observe(setting, n_tokens, seconds)
        if noise.random() < 0.1:
            tuner.note_spare(noise.uniform(0, 3))
