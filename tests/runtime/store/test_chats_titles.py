"""Titles of chats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.store.titles import clean, title_of


@pytest.mark.parametrize(
    ("text", "title"),
    [
        ("Why is the sky blue?", "Why is the sky blue?"),
        ("\n\n  Why?  \nBecause.", "Why?"),
        ("# Heading\ntext", "Heading"),
        ("```python\nprint(1)\n```", "print(1)"),
        ("> quoted", "quoted"),
        ("- 1. item", "item"),
        ("---\nafter a rule", "after a rule"),
        ("a\tb\0c", "a b c"),
        ("\u202egnitsuj", "gnitsuj"),
        ("???", "???"),
        ("", ""),
        (" \n ", ""),
        ("word " * 20, " ".join(["word"] * 12) + "…"),
        ("one, " * 20, ", ".join(["one"] * 12) + "…"),
        ("好" * 100, "好" * 59 + "…"),
        ("x" * 58 + "e\u0301e\u0301", "x" * 58 + "…"),
    ],
)
def test_the_title_is_the_first_line_that_says_something(text: str, title: str) -> None:
    assert title_of(text) == title


@given(st.text(max_size=300))
def test_a_title_is_one_short_line(text: str) -> None:
    title = title_of(text)
    assert len(title) <= 60
    assert len(title.splitlines()) <= 1
    assert title == title.strip()


@given(st.text(max_size=300))
def test_a_cleaned_title_stays_as_it_is(text: str) -> None:
    assert clean(clean(text)) == clean(text)
    assert len(clean(text)) <= 200
