"""Words as they were before they were set."""

from __future__ import annotations

import pytest

from llamapack_runtime.files.pdf.prose import mended


@pytest.mark.parametrize(
    ("seen", "read"),
    [
        ("e\ufb03cient \ufb01nd", "efficient find"),
        ("\u2f08\u2f2f", "人工"),
        ("\ufedb\ufef4\ufed2", "كيف"),
        ("Title . . . . . . . . . 12", "Title … 12"),
        ("wait ...", "wait ..."),
        ("soft\u00ad\nly", "softly"),
        ("soft\u00ad\u2010\nly", "softly"),
    ],
)
def test_shapes_become_letters(seen: str, read: str) -> None:
    assert mended([seen]) == [read]


def test_a_divided_word_is_joined_where_it_is_whole_elsewhere() -> None:
    assert mended(["an exam-\nple of it", "this Example"]) == ["an example\n of it", "this Example"]


def test_a_hyphen_is_kept_where_it_is_kept_elsewhere() -> None:
    assert mended(["the well-\nknown one is well-known"]) == ["the well-known\n one is well-known"]


def test_an_unknown_word_is_left_as_it_is() -> None:
    assert mended(["an exam-\nple of it"]) == ["an exam-\nple of it"]


def test_a_range_of_numbers_is_no_word() -> None:
    assert mended(["pages 10-\n20 and 1020"]) == ["pages 10-\n20 and 1020"]
