"""Lines of scripts that run from right to left."""

from __future__ import annotations

import pytest

from llamapack_runtime.files.pdf.direction import (
    has_right_to_left,
    reading_order,
    runs_right_to_left,
)
from llamapack_runtime.files.pdf.pieces import Meant


@pytest.mark.parametrize(
    ("seen", "read"),
    [
        # As it stands on the page, from left to right; then as it is read.
        ("םלוע םולש", "שלום עולם"),
        ("2024 תנש", "שנת 2024"),
        ("68,000,000 םה", "הם 68,000,000"),
        ("Visual Studio דומע", "עמוד Visual Studio"),
        (".ףוס", "סוף."),
        ("(הקידב)", "(בדיקה)"),
        ("«הקידב»", "«בדיקה»"),
        ("%45.6 אוה", "הוא %45.6"),
        ("", ""),
    ],
)
def test_a_line_is_put_into_the_order_of_reading(seen: str, read: str) -> None:
    assert reading_order(list(seen), True) == read


@pytest.mark.parametrize(
    ("seen", "read"),
    [
        ("English תירבע inside", "English עברית inside"),
        ("see םלוע םולש (p. 3)", "see שלום עולם (p. 3)"),
        ("a (b) c", "a (b) c"),
    ],
)
def test_words_within_a_line_that_runs_to_the_right_are_turned(seen: str, read: str) -> None:
    assert reading_order(list(seen), False) == read


def test_letters_tell_the_direction_and_numbers_do_not() -> None:
    assert runs_right_to_left("שנת 2024 12345")
    assert not runs_right_to_left("the year תנש 2024")
    assert not runs_right_to_left("12345")


def test_a_sign_of_several_letters_keeps_their_order() -> None:
    """Lam and alef are one sign, whose letters the font names in the order of reading."""
    assert reading_order(["م", "لا", "س"], True) == "سلام"


def test_what_marked_content_means_is_not_mirrored() -> None:
    assert reading_order([Meant(")"), "א", Meant("(")], True) == "(א)"


def test_only_lines_with_such_letters_are_turned() -> None:
    assert has_right_to_left("abc שלום")
    assert has_right_to_left("ﻼ")
    assert not has_right_to_left("abc 文字 ελ")
