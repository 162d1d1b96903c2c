"""From questions to what is looked up."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.store.questions import MAX_TERMS, any_of, terms_of


@pytest.mark.parametrize(
    ("question", "terms"),
    [
        ("Which command builds a pack?", ("command", "builds", "pack")),
        ("What is it?", ("what", "is", "it")),
        ("What's Bob's port? PORT!", ("bob", "port")),
        ("C", ("c",)),
        ("怎么编程", ("么 编", "编 程")),
        ("好", ("好",)),
        ("用Python编程吗", ("用", "python", "编 程", "程 吗")),
        ("--port 8080", ("port", "8080")),
        ("?!", ()),
        ("", ()),
    ],
)
def test_the_telling_words_are_looked_for(question: str, terms: tuple[str, ...]) -> None:
    assert terms_of(question) == terms


def test_there_is_a_bound() -> None:
    question = " ".join(f"word{number}" for number in range(10_000))
    assert terms_of(question) == tuple(f"word{number}" for number in range(MAX_TERMS))


@given(st.text())
def test_a_term_has_no_word_of_the_query_language(question: str) -> None:
    match = any_of(terms_of(question))
    assert match.count('"') == 2 * len(terms_of(question))
    assert "\0" not in match


def test_texts_with_some_of_the_words_match() -> None:
    assert any_of(("pack", "编 程")) == '"pack" OR "编 程"'
