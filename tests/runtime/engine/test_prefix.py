from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.engine.prefix import PrefixIndex, common_length

short_tokens = st.lists(st.integers(0, 2), max_size=12).map(tuple)


def test_the_longest_match_comes_first() -> None:
    index: PrefixIndex[str] = PrefixIndex()
    index.add("short", (1, 2))
    index.add("long", (1, 2, 3, 4))
    index.add("other", (9,))
    assert list(index.matches((1, 2, 3, 5))) == [(3, "long"), (2, "short")]


def test_a_holder_that_is_added_again_has_its_new_tokens() -> None:
    index: PrefixIndex[str] = PrefixIndex()
    index.add("a", (1, 2))
    index.add("a", (1, 2, 3))
    assert list(index.matches((1, 2, 3))) == [(3, "a")]
    assert len(index) == 1


@given(short_tokens, short_tokens)
def test_common_length_is_that_of_a_plain_loop(
    one: tuple[int, ...], other: tuple[int, ...]
) -> None:
    expected = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        expected += 1
    assert common_length(one, other) == expected


@given(
    st.lists(st.tuples(st.integers(0, 5), st.one_of(st.none(), short_tokens)), max_size=30),
    short_tokens,
)
def test_matches_are_those_of_a_plain_search(
    history: list[tuple[int, tuple[int, ...] | None]], wanted: tuple[int, ...]
) -> None:
    index: PrefixIndex[int] = PrefixIndex()
    known: dict[int, tuple[int, ...]] = {}
    for holder, tokens in history:
        if tokens is None:
            index.remove(holder)
            known.pop(holder, None)
        else:
            index.add(holder, tokens)
            known[holder] = tokens
    found = list(index.matches(wanted))
    expected = {(common_length(t, wanted), h) for h, t in known.items() if common_length(t, wanted)}
    assert set(found) == expected
    assert len(found) == len(expected)
    assert [length for length, _ in found] == sorted((n for n, _ in found), reverse=True)
    assert {holder for holder in range(6) if holder in index} == set(known)
