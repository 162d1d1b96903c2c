from __future__ import annotations

from llamapack_runtime.engine.draft_turns import DraftTurns


def taken(turns: DraftTurns, names: str, steps: int) -> str:
    """Who gets a turn; in a step all ask, and only one of them can have it."""
    found = ""
    for _ in range(steps):
        first = [name for name in names if turns.ask(name)][:1]
        for name in first:
            turns.take(name)
            found += name
    return found


def test_all_get_the_same() -> None:
    assert taken(DraftTurns(), "abc", 9) == "abc" * 3


def test_one_alone_gets_each() -> None:
    assert taken(DraftTurns(), "a", 4) == "aaaa"


def test_a_newcomer_is_next_and_nobody_waits_for_who_left() -> None:
    turns = DraftTurns()
    taken(turns, "ab", 5)
    assert taken(turns, "abc", 2)[1] == "c"
    turns.leave("c")
    assert set(taken(turns, "ab", 4)) == {"a", "b"}


def test_nobody_waits_for_long_for_who_only_stopped_asking() -> None:
    turns = DraftTurns()
    taken(turns, "ab", 6)
    assert taken(turns, "a", 12).count("a") >= 6


def test_a_turn_that_is_not_taken_is_waited_for() -> None:
    turns = DraftTurns()
    taken(turns, "ab", 3)
    for _ in range(5):
        assert not turns.ask("a")
        assert turns.ask("b")
