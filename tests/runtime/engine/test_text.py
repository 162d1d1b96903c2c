from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.engine.text import TextStream

# A small alphabet makes stop strings meet, overlap and repeat; bytes split and break characters.
LETTERS = st.sampled_from("aaab😀")
WORDS = st.text(LETTERS, max_size=40)
STOPS = st.lists(st.text(LETTERS, min_size=1, max_size=4), max_size=3)
BYTES = st.one_of(WORDS.map(str.encode), st.binary(max_size=40))


def stream(data: bytes, cuts: list[int], stop: list[str]) -> tuple[list[str], str | None]:
    text = TextStream(stop)
    edges = [0, *sorted({cut % (len(data) + 1) for cut in cuts}), len(data)]
    pieces = [text.push(data[a:b]) for a, b in pairwise(edges)]
    return [*pieces, text.finish()], text.stop_sequence


def first_stop(text: str, stop: list[str]) -> tuple[str, str | None]:
    """The plain definition: cut before the stop that completes first, the longest of several."""
    ends = [(text.find(s) + len(s), -len(s), s) for s in stop if s in text]
    if not ends:
        return text, None
    end, _, found = min(ends)
    return text[: end - len(found)], found


@given(BYTES, st.lists(st.integers(0, 200), max_size=20), STOPS)
def test_any_split_of_the_bytes_gives_the_same_text(
    data: bytes, cuts: list[int], stop: list[str]
) -> None:
    pieces, found = stream(data, cuts, stop)
    assert ("".join(pieces), found) == first_stop(data.decode("utf-8", "replace"), stop)


@given(WORDS, STOPS)
def test_only_what_may_begin_a_stop_string_is_held_back(word: str, stop: list[str]) -> None:
    text, shown = TextStream(stop), ""
    for index, character in enumerate(word):
        shown += text.push(character.encode())
        if text.stop_sequence is not None:
            return
        assert word.startswith(shown)
        held = word[len(shown) : index + 1]
        assert not held or any(s.startswith(held) for s in stop)


def test_a_character_split_over_tokens_comes_whole() -> None:
    text = TextStream()
    assert [text.push(bytes([b])) for b in "😀".encode()] == ["", "", "", "😀"]


def test_bytes_that_end_inside_a_character_become_a_replacement_at_the_end() -> None:
    text = TextStream()
    assert text.push(b"a\xf0\x9f") == "a"
    assert text.finish() == "\ufffd"


@pytest.mark.parametrize(
    ("pieces", "stop", "shown", "found"),
    [
        (["Hello ST", "OP more"], ["STOP"], "Hello ", "STOP"),
        (["Hello ST", "ART"], ["STOP"], "Hello START", None),
        (["one ST"], ["STOP"], "one ST", None),
        (["aab"], ["ab", "aab"], "", "aab"),
        (["aa", "ab"], ["aab"], "a", "aab"),
        (["abababc"], ["ababc"], "ab", "ababc"),
        (["x\n", "\nUser: hi"], ["\n\n", "User:"], "x", "\n\n"),
        (["anything"], [""], "anything", None),
    ],
)
def test_stop_strings(pieces: list[str], stop: list[str], shown: str, found: str | None) -> None:
    text = TextStream(stop)
    parts = [text.push(piece.encode()) for piece in pieces]
    assert "".join([*parts, text.finish()]) == shown
    assert text.stop_sequence == found


def test_nothing_follows_a_stop_string() -> None:
    text = TextStream(["."])
    assert text.push(b"end. More") == "end"
    assert text.push(b" and more") + text.finish() == ""


def test_a_long_stop_string_that_almost_matches_stays_fast() -> None:
    text = TextStream(["a" * 4000 + "b"])
    shown = "".join(text.push(b"a" * 100) for _ in range(1000))
    assert len(shown) == 100 * 1000 - 4000
