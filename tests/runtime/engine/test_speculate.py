from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.engine.speculate import MAX_DRAFT, NgramSpeculator, best_draft


def test_what_followed_before_is_guessed() -> None:
    assert NgramSpeculator([1, 2, 3, 4, 5, 9, 1, 2, 3]).propose(2) == (4, 5)


def test_the_latest_place_counts() -> None:
    assert NgramSpeculator([1, 2, 3, 4, 0, 1, 2, 3, 5, 0, 1, 2, 3]).propose(1) == (5,)


def test_a_longer_agreement_beats_a_later_place() -> None:
    longer = [1, 2, 3, 4, 5, 6]
    tokens = [*longer, 70, 0, 4, 5, 6, 80, 0, *longer]
    assert NgramSpeculator(tokens).propose(1) == (70,)


def test_what_repeats_itself_goes_on_in_a_circle() -> None:
    assert NgramSpeculator([1, 2, 3, 4] * 3).propose(6) == (1, 2, 3, 4, 1, 2)


def test_nothing_is_guessed_in_new_text() -> None:
    speculator = NgramSpeculator(range(100))
    assert speculator.propose(5) == ()
    assert speculator.confidence == 0.0


def test_right_guesses_raise_the_confidence_and_wrong_ones_lower_it() -> None:
    right = NgramSpeculator([*range(60), 0, 1, 2])
    first = right.confidence
    for token in range(3, 50):
        right.extend(token)
    assert right.confidence > first
    wrong = NgramSpeculator([*range(60), 0, 1, 2])
    for number in range(40):
        for token in (900 + number, 0, 1, 2):
            wrong.extend(token)
    assert wrong.confidence < first / 4


@given(st.lists(st.integers(0, 3), max_size=60), st.integers(0, 20))
def test_guesses_always_continue_an_earlier_place(tokens: list[int], count: int) -> None:
    speculator = NgramSpeculator(tokens[: len(tokens) // 2])
    for token in tokens[len(tokens) // 2 :]:
        speculator.extend(token)
    guess = speculator.propose(count)
    assert len(guess) in (0, count)
    if guess:
        longer = [*tokens, *guess]
        places = range(len(tokens) - 2)
        ends = tuple(tokens[-3:])
        assert any(
            tuple(tokens[place : place + 3]) == ends and longer[place + 3] == guess[0]
            for place in places
        )


def flat(_n_tokens: int) -> float:
    return 0.02


def steep(n_tokens: int) -> float:
    return 0.02 * n_tokens


def test_guesses_are_many_where_they_cost_nothing_and_none_where_they_never_pay() -> None:
    assert best_draft(0.9, 100, 0, flat) == MAX_DRAFT
    assert best_draft(0.9, 100, 0, steep) == 0
    assert best_draft(0.01, 100, 0, flat) == 0


def test_guesses_stay_within_the_room() -> None:
    assert best_draft(0.9, 3, 0, flat) == 3
    assert best_draft(0.9, 0, 0, flat) == 0


def test_nothing_is_guessed_before_the_cost_is_known() -> None:
    assert best_draft(0.9, 10, 0, lambda _n: None) == 0
