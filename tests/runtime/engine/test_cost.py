from __future__ import annotations

import pytest

from llamapack_runtime.engine.budget import (
    ALONE_STEP_S,
    LEAST_STEP_TOKENS,
    STREAMING_STEP_S,
    token_budget,
)
from llamapack_runtime.engine.cost import StepCost


def after(steps: list[tuple[int, float]], *, reads_prompt: bool = True) -> StepCost:
    cost = StepCost()
    for n_tokens, seconds in steps:
        cost.observe(n_tokens, seconds, reads_prompt=reads_prompt)
    return cost


def test_the_line_is_found() -> None:
    cost = after([(n, 0.02 + 0.004 * n) for n in (10, 40, 120, 30, 60, 20)])
    assert cost.prompt_token_s == pytest.approx(0.004, rel=0.01)
    assert cost.tokens_within(0.15) == pytest.approx(32, abs=1)


def test_equal_steps_are_taken_for_a_proportion() -> None:
    assert after([(100, 0.5)] * 4).tokens_within(0.25) == 50


def test_a_machine_that_becomes_busy_is_followed_within_a_dozen_steps() -> None:
    calm = [(n, 0.003 * n) for n in (50, 30, 40, 60, 50, 45)]
    busy = [(n, 0.009 * n) for n in (50, 30, 20, 16, 17, 15, 18, 16, 14, 16, 15, 17)]
    assert after(calm + busy).tokens_within(0.15) == pytest.approx(16.7, rel=0.25)


def test_one_accident_changes_little() -> None:
    calm = [(n, 0.003 * n) for n in (50, 30, 40, 60, 50, 45)]
    tokens = after([*calm, (50, 30.0)]).tokens_within(0.15)
    assert tokens is not None
    assert tokens > 15


def test_narrow_steps_are_read_off_between_the_known_ones() -> None:
    cost = after([(1, 0.020), (8, 0.055)] * 3, reads_prompt=False)
    assert cost.decode_s(1) == pytest.approx(0.020)
    assert cost.decode_s(4) == pytest.approx(0.035)
    beyond = cost.decode_s(16)
    assert beyond is not None
    assert beyond > 0.055


def test_nothing_is_said_before_anything_is_known() -> None:
    cost = StepCost()
    assert cost.tokens_within(1.0) is None
    assert cost.decode_s(1) is None


def test_a_step_is_short_while_somebody_watches_and_long_otherwise() -> None:
    cost = after([(n, 0.01 + 0.002 * n) for n in (100, 50, 200, 80)])
    watched = token_budget(cost, n_batch=512, n_running=1, is_watched=True)
    alone = token_budget(cost, n_batch=512, n_running=1, is_watched=False)
    assert watched == pytest.approx((STREAMING_STEP_S - 0.01) / 0.002, abs=2)
    assert alone == pytest.approx((ALONE_STEP_S - 0.01) / 0.002, abs=10)


def test_a_slow_computer_still_moves_on() -> None:
    cost = after([(n, 2.0 + 0.1 * n) for n in (10, 20, 5, 30)])
    assert token_budget(cost, n_batch=512, n_running=1, is_watched=True) == LEAST_STEP_TOKENS
