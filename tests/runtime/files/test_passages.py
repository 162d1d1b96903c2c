"""Passages: nothing is lost, none is too long, none spans two pages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.files.passages import MOST_BYTES, USUAL_BYTES, Passage, cut

WORDS = st.text(st.sampled_from("ab \n\t.#!?\f\u3002\u597d\u00e9\U0001f40b\u3000"), max_size=400)


def texts(text: str, passages: list[Passage]) -> list[str]:
    return [text[one.start : one.end] for one in passages]


def letters(text: str) -> str:
    return "".join(text.split())


@given(WORDS, st.booleans())
def test_every_letter_is_in_one_passage(text: str, has_pages: bool) -> None:
    passages = cut(text, has_pages=has_pages, usual=20, most=24)
    assert letters("".join(texts(text, passages))) == letters(text)
    ends = [0]
    for one in passages:
        assert ends[-1] <= one.start < one.end <= len(text)
        ends.append(one.end)


@given(WORDS, st.booleans())
def test_none_is_empty_or_too_long(text: str, has_pages: bool) -> None:
    for one in texts(text, cut(text, has_pages=has_pages, usual=20, most=24)):
        assert 0 < len(one.encode()) <= 24
        assert one.strip()


@given(WORDS)
def test_each_is_of_its_page_alone(text: str) -> None:
    for one in cut(text, has_pages=True, usual=20, most=24):
        assert one.page == text[: one.start].count("\f") + 1
        assert "\f" not in text[one.start : one.end]


def test_without_pages_there_are_no_numbers() -> None:
    assert cut("one\ftwo", has_pages=False) == [Passage(0, 7)]


def test_paragraphs_stay_whole_and_fill_a_passage() -> None:
    paragraphs = [f"{number} " + "word " * 60 for number in range(9)]
    text = "\n\n".join(paragraphs)
    found = texts(text, cut(text, has_pages=False))
    assert len(found) == 3
    assert "\n\n".join(found) == text


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("A line of words\n" * 300, "words"),
        ("A sentence of words. " * 300, "."),
        ("一句话很短\u3002" * 300, "\u3002"),
        ("word " * 900, "word"),
    ],
    ids=["lines", "sentences", "Chinese sentences", "words"],
)
def test_a_long_paragraph_is_cut_at_the_largest_ends_it_has(text: str, end: str) -> None:
    found = texts(text, cut(text, has_pages=False))
    assert len(found) > 3
    assert all(one.endswith(end) for one in found)
    assert all(USUAL_BYTES * 0.7 < len(one.encode()) <= MOST_BYTES for one in found[:-1])


def test_a_text_without_spaces_is_cut_anywhere() -> None:
    found = texts("x" * 5000, cut("x" * 5000, has_pages=False))
    assert "".join(found) == "x" * 5000


def test_a_heading_begins_a_passage() -> None:
    text = "word " * 100 + "\n\n# Then\n\n" + "more " * 80
    assert texts(text, cut(text, has_pages=False))[1].startswith("# Then")


def test_a_heading_alone_does_not_make_short_passages() -> None:
    text = "\n\n".join(f"# Part {number}\n\nA line." for number in range(20))
    assert len(cut(text, has_pages=False)) == 1


def test_a_short_rest_belongs_to_the_passage_before() -> None:
    text = ("word " * 195).strip() + "\n\n" + "A last line of this text."
    assert len(cut(text, has_pages=False)) == 1


def test_eight_mebibytes_are_cut_within_seconds() -> None:
    text = "Some words of a line that goes on.\n" * (8 * 1024 * 1024 // 35)
    assert len(cut(text, has_pages=False)) > 8000
