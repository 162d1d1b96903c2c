"""Turns, ratios and targets."""

from __future__ import annotations

from functools import partial

import pytest

from bench.figures import Line, Target, at_least, at_most, compared, in_turns, p95


def test_turns_go_there_and_back() -> None:
    order: list[str] = []
    in_turns({name: partial(order.append, name) for name in "AB"}, 3)
    assert "".join(order) == "ABBAAB"


def test_the_ratio_is_the_median_of_the_ratios_within_turns() -> None:
    """The machine became ten times slower in the last two turns."""
    line = compared("t", "tokens/s", {"ours": [20, 2, 2.2], "llama-server": [10, 1, 1]})
    assert line.ratio == 2.0


@pytest.mark.parametrize(
    ("target", "ratio", "is_met"),
    [(at_least(1.05), 1.05, True), (at_least(1.05), 1.04, False), (at_most(0.5), 0.6, False)],
)
def test_a_target_is_for_the_ratio(target: Target, ratio: float, is_met: bool) -> None:
    line = Line("t", "s", 3.0, ratio=ratio, target=target)
    assert line.is_met is is_met


def test_without_a_ratio_the_target_is_for_our_figure() -> None:
    assert Line("t", "s", 0.4, target=at_most(0.5)).is_met is True
    assert Line("t", "s", 0.4).is_met is None


def test_p95_of_eight_is_near_the_largest() -> None:
    assert 6.5 < p95([0, 1, 2, 3, 4, 5, 6, 7]) < 7
