from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.engine.draft_rows import DraftRows, common_start


@given(st.lists(st.integers(0, 2), max_size=8), st.lists(st.integers(0, 2), max_size=8))
def test_the_common_start_is_the_longest(one: list[int], other: list[int]) -> None:
    count = common_start(one, other)
    assert one[:count] == other[:count]
    assert count == min(len(one), len(other)) or one[count] != other[count]


def test_the_row_with_most_of_a_text_is_found_and_one_that_is_held_is_not() -> None:
    rows = DraftRows(100, 3)
    for slot, tokens in enumerate(([1, 2, 9], [1, 2, 3], [])):
        found = rows.nearest([50 + slot])
        assert found is not None
        rows.hold(found[0], f"{slot}")
        found[0].tokens.extend(tokens)
    assert rows.nearest([1]) is None
    for slot in range(3):
        rows.release(f"{slot}")
    found = rows.nearest([1, 2, 3, 4])
    assert found is not None
    assert (found[0].tokens, found[1]) == ([1, 2, 3], 3)


def test_wrong_guesses_are_forgotten_and_the_last_token_is_read_again() -> None:
    rows = DraftRows(100, 1)
    found = rows.nearest([1])
    assert found is not None
    row = found[0]
    rows.hold(row, "a")
    row.tokens.extend([1, 2, 3, 4])
    assert rows.agree(row, [1, 2, 7]) == 2
    row.tokens.append(7)
    assert rows.agree(row, [1, 2, 7, 8]) is None
    assert rows.agree(row, [1, 2, 7]) == 2
    rows.check_integrity()


@given(
    st.lists(st.tuples(st.integers(0, 5), st.integers(1, 20), st.booleans()), max_size=40),
)
def test_there_is_never_more_than_fits(steps: list[tuple[int, int, bool]]) -> None:
    rows = DraftRows(40, 3)
    for name, count, leaves in steps:
        row = rows.find(f"{name}")
        if row is None and (found := rows.nearest([name])) is not None:
            row = found[0]
            rows.hold(row, f"{name}")
        emptied = rows.make_room(count)
        if row is not None and emptied is not None:
            assert row not in emptied
            row.tokens.extend([name] * count)
        if leaves:
            rows.release(f"{name}")
        rows.check_integrity()
