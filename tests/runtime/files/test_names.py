"""Names of files in sentences."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llamapack_runtime.files.names import shown_name, suffix


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("report.pdf", '"report.pdf"'),
        ("/home/me/report.pdf", '"report.pdf"'),
        ("C:\\Users\\me\\report.pdf", '"report.pdf"'),
        ("two\nlines\r\n.txt", '"two lines .txt"'),
        ("a\x00b\x1b[31m.txt", '"ab[31m.txt"'),
        ("evil\u202efdp.exe", '"evilfdp.exe"'),
        ('say "yes".txt', '"say yes.txt"'),
        ("报告.pdf", '"报告.pdf"'),
        ("\ud800half.txt", '"half.txt"'),
        ("", "This file"),
        ("\u200e\x00", "This file"),
    ],
)
def test_a_name_is_shown_without_what_could_mislead(name: str, shown: str) -> None:
    assert shown_name(name) == shown


def test_a_long_name_keeps_its_beginning_and_its_end() -> None:
    shown = shown_name("start" + "x" * 10_000 + "end.docx")
    assert shown.startswith('"start')
    assert shown.endswith('end.docx"')
    assert len(shown) == 62


@given(st.text(max_size=300))
def test_no_name_breaks_out_of_its_quotes(name: str) -> None:
    shown = shown_name(name)
    assert len(shown) <= 62
    inside = shown if shown == "This file" else shown[1:-1]
    assert '"' not in inside
    assert not any(unicodedata.category(character).startswith("C") for character in inside)


@pytest.mark.parametrize(
    ("name", "end"),
    [
        ("a.PDF", "pdf"),
        ("a.tar.gz", "gz"),
        ("README", ""),
        (".bashrc", ""),
        ("a.b c", ""),
        ("", ""),
    ],
)
def test_the_suffix_is_what_follows_the_last_point(name: str, end: str) -> None:
    assert suffix(name) == end
