from __future__ import annotations

from itertools import groupby

import pytest

from llamapack_runtime.engine.turns import STEPS, Turns
from llamapack_runtime.engine.types import Adapters, adapter_set
from runtime.engine.scheduling import request, run, scheduler, shape

NONE: Adapters = ()
A: Adapters = (("a", 1.0),)
B: Adapters = (("b", 1.0),)


def runs_of(turns: Turns, count: int) -> list[tuple[Adapters, int]]:
    taken = [turns.take()[0] for _ in range(count)]
    return [(one, len([*group])) for one, group in groupby(taken)]


def test_a_lone_set_is_never_left() -> None:
    turns = Turns()
    turns.join(A)
    assert [turns.take() for _ in range(3 * STEPS)] == [(A, True)] + [(A, False)] * (3 * STEPS - 1)


def test_sets_take_turns_of_several_steps() -> None:
    turns = Turns()
    for one in (NONE, A, B):
        turns.join(one)
    assert runs_of(turns, 4 * STEPS) == [(NONE, STEPS), (A, STEPS), (B, STEPS), (NONE, STEPS)]


def test_a_set_that_ends_gives_its_turn_away_at_once() -> None:
    turns = Turns()
    for one in (A, A, B):
        turns.join(one)
    assert turns.take() == (A, True)
    turns.leave(A)
    assert turns.take() == (A, False)
    turns.leave(A)
    assert turns.take() == (B, True)
    assert not turns.is_shared


def test_a_set_that_comes_back_goes_to_the_end() -> None:
    turns = Turns()
    for one in (A, B):
        turns.join(one)
    turns.take()
    turns.leave(A)
    turns.join(A)
    assert runs_of(turns, 2 * STEPS) == [(B, STEPS), (A, STEPS)]


def test_a_step_holds_one_set_and_says_when_it_changes() -> None:
    under_test = scheduler(n_parallel=3)
    for name, adapters in (("a", NONE), ("b", A), ("c", NONE)):
        under_test.submit(request(name, 4, adapters=adapters))
    step, _ = run(under_test)
    assert (shape(step), step.adapters, step.begins_turn) == ([("a", 4), ("c", 4)], NONE, False)
    for _ in range(STEPS - 1):
        run(under_test)
    step, _ = run(under_test)
    assert (shape(step), step.adapters, step.begins_turn) == ([("b", 4)], A, True)


def test_a_prompt_is_not_shared_between_sets() -> None:
    under_test = scheduler(n_parallel=1, n_slots=4)
    for name, adapters in (("a", NONE), ("b", A), ("c", A), ("d", (("a", 0.5),)), ("e", NONE)):
        under_test.submit(request(name, 40, 1, first=5, adapters=adapters))
    found = []
    while under_test.has_work:
        [name] = under_test.running_ids or ["?"]
        run(under_test, budget=64)
        found.append((name, under_test.resident_tokens))
    assert under_test.resident_tokens == 39 * 2, found  # of c and e


def test_what_does_not_act_is_not_in_a_set() -> None:
    assert adapter_set({"b": 1, "a": 0.5, "c": 0}) == (("a", 0.5), ("b", 1.0))
    assert adapter_set({"a": 0.0}) == ()


@pytest.mark.parametrize("scale", [1.0, -1.0, 0.5])
def test_scales_make_other_sets(scale: float) -> None:
    assert (adapter_set({"a": scale}) == A) == (scale == 1.0)
