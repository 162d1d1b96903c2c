from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.engine.budget import (
    ALONE_STEP_S,
    LEAST_PROMPT_TOKENS,
    STREAMING_STEP_S,
    token_budget,
)
from llamapack_runtime.engine.cost import StepCost


def reading(steps: list[tuple[int, float]], decode_s: float = 0.02) -> StepCost:
    """After some steps of one generated token, and then some with as many tokens of a prompt."""
    cost = StepCost()
    for _ in range(5):
        cost.observe(decode_s, n_generating=1, n_prompt=0)
    for n_prompt, seconds in steps:
        cost.observe(seconds, n_generating=1, n_prompt=n_prompt)
    return cost


def test_the_time_of_a_prompts_token_is_found() -> None:
    cost = reading([(n, 0.02 + 0.004 * n) for n in (10, 40, 120, 30, 60, 20)])
    assert cost.prompt_token_s == pytest.approx(0.004, rel=0.01)
    assert cost.prompt_tokens_within(0.15, 1) == pytest.approx(32, abs=1)


@given(st.lists(st.tuples(st.integers(20, 60), st.floats(0.7, 1.5)), min_size=10, max_size=40))
def test_noise_is_not_taken_for_a_fixed_cost(steps: list[tuple[int, float]]) -> None:
    cost = reading([(n, (0.02 + 0.004 * n) * noise) for n, noise in steps])
    tokens = cost.prompt_tokens_within(0.15, 1)
    assert tokens is not None
    assert 18 < tokens < 60


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
    cost = reading([(n, 0.02 + 0.002 * n) for n in (100, 50, 200, 80)])
    watched = token_budget(cost, n_batch=1000, n_generating=1)
    alone = token_budget(cost, n_batch=1000, n_generating=0)
    assert watched == pytest.approx((STREAMING_STEP_S - 0.02) / 0.002, abs=3)
    assert alone == pytest.approx(ALONE_STEP_S / 0.002, abs=10)


def test_a_slow_computer_still_moves_on() -> None:
    slow = reading([(n, 2.0 + 0.1 * n) for n in (10, 20, 5, 30)], decode_s=2.0)
    assert token_budget(slow, n_batch=512, n_generating=1) == pytest.approx(41, abs=3)
    jammed = reading([(n, 3.0 * n) for n in (10, 20, 5, 30)], decode_s=0.02)
    assert token_budget(jammed, n_batch=512, n_generating=1) == 1 + LEAST_PROMPT_TOKENS
