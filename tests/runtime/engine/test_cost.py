from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.engine.budget import (
    LEAST_PROMPT_TOKENS,
    token_budget,
)
from llamapack_runtime.engine.cost import TILE, StepCost


def reading(steps: list[tuple[int, float]], decode_s: float = 0.02) -> StepCost:
    """After some steps of one generated token, and then some with as many tokens of a prompt."""
    cost = StepCost()
    for _ in range(5):
        cost.observe(decode_s, n_generating=1, n_prompt=0)
    for n_prompt, seconds in steps:
        cost.observe(seconds, n_generating=1, n_prompt=n_prompt)
    return cost


def test_the_time_of_a_prompts_token_is_found() -> None:
    cost = reading([(n, 0.02 + 0.004 * n) for n in (10, 40, 50, 30, 60, 20)])
    assert cost.prompt_token_s(40) == pytest.approx(0.004, rel=0.01)
    assert cost.prompt_tokens_within(0.15, 1) == pytest.approx(32, abs=1)


@given(st.lists(st.tuples(st.integers(32, 60), st.floats(0.7, 1.5)), min_size=10, max_size=40))
def test_noise_is_not_taken_for_a_fixed_cost(steps: list[tuple[int, float]]) -> None:
    """0.13 s for tokens of 0.7 * 4.6 - 0.6 to 1.5 * 4.6 - 0.6 ms, the shortest step's."""
    cost = reading([(n, (0.02 + 0.004 * n) * noise) for n, noise in steps])
    tokens = cost.prompt_tokens_within(0.15, 1)
    assert tokens is not None
    assert 20 <= tokens <= 50


def test_the_proportion_of_two_kinds_of_steps_is_not_that_of_their_first() -> None:
    slow_first = reading([(20, 0.02 + 0.012 * 20), (50, 0.02 + 0.004 * 50)])
    for _ in range(30):
        for n_prompt in (20, 50):
            slow_first.observe(0.02 + 0.004 * n_prompt, n_generating=1, n_prompt=n_prompt)
    assert slow_first.prompt_token_s(21) == pytest.approx(0.004, rel=0.1)
    assert slow_first.prompt_token_s(51) == pytest.approx(0.004, rel=0.1)


def test_a_machine_that_becomes_busy_is_followed_within_a_dozen_steps() -> None:
    calm = [(n, 0.003 * n) for n in (50, 30, 40, 60, 50, 45)]
    busy = [(n, 0.009 * n) for n in (50, 30, 20, 16, 17, 15, 18, 16, 14, 16, 15, 17)]
    assert reading(calm + busy, 0.0).prompt_tokens_within(0.15, 1) == pytest.approx(16.7, rel=0.25)


def test_one_accident_changes_little() -> None:
    calm = [(n, 0.003 * n) for n in (50, 30, 40, 60, 50, 45)]
    tokens = reading([*calm, (50, 30.0)], 0.0).prompt_tokens_within(0.15, 1)
    assert tokens is not None
    assert tokens > 15


def test_narrow_steps_are_read_off_between_the_known_ones() -> None:
    cost = StepCost()
    for _ in range(3):
        cost.observe(0.020, n_generating=1, n_prompt=0)
        cost.observe(0.055, n_generating=8, n_prompt=0)
    assert cost.decode_s(1) == pytest.approx(0.020)
    assert cost.decode_s(4) == pytest.approx(0.035)
    beyond = cost.decode_s(16)
    assert beyond is not None
    assert beyond > 0.055


def test_nothing_is_said_before_anything_is_known() -> None:
    cost = StepCost()
    assert cost.prompt_tokens_within(1.0, 1) is None
    assert cost.decode_s(1) is None


def test_a_step_is_short_while_somebody_watches_and_long_otherwise() -> None:
    cost = reading([(n, 0.02 + 0.001 * n) for n in (100, 80, 200, 90)])
    watched = token_budget(cost, n_batch=2000, n_generating=1, n_reading=1)
    alone = token_budget(cost, n_batch=2000, n_generating=0, n_reading=1)
    assert watched == 320, "(0.35 - 0.02) / 0.001 = 330, in whole tiles"
    assert alone == 960, "1 / 0.001, in whole tiles"


def test_a_step_is_longer_when_more_wait_for_their_first_token_than_for_the_next() -> None:
    cost = reading([(n, 0.02 + 0.001 * n) for n in (100, 80, 200, 90)])
    few = token_budget(cost, n_batch=2000, n_generating=2, n_reading=2)
    many = token_budget(cost, n_batch=2000, n_generating=2, n_reading=4)
    crowd = token_budget(cost, n_batch=2000, n_generating=1, n_reading=7)
    assert (few, many) == (320, 640)
    assert crowd == 960, "never longer than when nobody watches"


def test_a_whole_tile_is_computed_where_narrower_steps_are_much_slower() -> None:
    wide = [(n, 0.02 + 0.006 * n) for n in (100, 80, 200, 90)]
    equal = reading([*wide, (40, 0.02 + 0.006 * 40)])
    assert token_budget(equal, n_batch=512, n_generating=1, n_reading=1) == pytest.approx(56, abs=1)
    slower = reading([*wide, (40, 0.02 + 0.020 * 40)])
    assert token_budget(slower, n_batch=512, n_generating=1, n_reading=1) == TILE


def test_two_tiles_are_computed_where_one_is_much_slower_and_they_do_not_take_long() -> None:
    """As with the GEMM library: a fixed cost for each step."""
    steps = [(n, 0.02 + 0.120 + 0.0022 * n) for n in (160, 80, 40, 200)]
    fast = token_budget(reading(steps), n_batch=512, n_generating=1, n_reading=1)
    assert fast == 2 * TILE, "64 take 0.28 s and 128 take 0.42 s, more than the limit"
    slow = [(n, 1.7 * seconds) for n, seconds in steps]
    assert token_budget(reading(slow, 0.034), n_batch=512, n_generating=1, n_reading=1) == TILE


@given(
    st.lists(st.tuples(st.integers(1, 300), st.floats(1e-4, 5.0)), min_size=1, max_size=30),
    st.integers(0, 8),
)
def test_a_budget_is_never_empty_nor_larger_than_the_batch(
    steps: list[tuple[int, float]], n_generating: int
) -> None:
    tokens = token_budget(reading(steps), n_batch=256, n_generating=n_generating, n_reading=1)
    assert n_generating < tokens <= 256


def test_steps_do_not_shrink_because_small_steps_are_slow() -> None:
    """What was predicted for small steps comes true, and the next ones are as large."""
    cost = reading([(128, 0.75)])
    sizes = []
    for _ in range(40):
        size = token_budget(cost, n_batch=512, n_generating=1, n_reading=1) - 1
        sizes.append(size)
        cost.observe(0.02 + 0.16 + 0.0044 * size, n_generating=1, n_prompt=size)
    assert min(sizes) >= TILE / 2, sizes


def test_a_slow_computer_still_moves_on() -> None:
    slow = reading([(n, 2.0 + 0.1 * n) for n in (10, 20, 5, 30)], decode_s=2.0)
    assert token_budget(slow, n_batch=512, n_generating=1, n_reading=1) == pytest.approx(41, abs=3)
    jammed = reading([(n, 3.0 * n) for n in (10, 20, 5, 30)], decode_s=0.02)
    assert token_budget(jammed, n_batch=512, n_generating=1, n_reading=1) == 1 + LEAST_PROMPT_TOKENS
    assert token_budget(jammed, n_batch=512, n_generating=0, n_reading=1) == TILE


def test_what_changes_for_wide_steps_changes_for_narrow_ones() -> None:
    cost = reading([(100, 0.3), (40, 0.2)])
    before = cost.prompt_token_s(40)
    for _ in range(10):
        cost.observe(0.9, n_generating=1, n_prompt=100)
    after = cost.prompt_token_s(40)
    assert before is not None
    assert after is not None
    assert after > 2 * before
