"""What is written for programs that read it."""

from __future__ import annotations

import sys
from io import BytesIO, TextIOWrapper

import pytest

from llamapack_runtime.launch import console


@pytest.mark.parametrize(
    ("errors", "text", "written"),
    [
        ("backslashreplace", "名 \udcff", b"\xe5\x90\x8d \\udcff"),
        ("surrogateescape", "名 \udcff", b"\xe5\x90\x8d \xff"),
    ],
)
def test_windows_gets_utf_8_and_no_letter_is_an_error(
    monkeypatch: pytest.MonkeyPatch, errors: str, text: str, written: bytes
) -> None:
    out = BytesIO()
    stream = TextIOWrapper(out, encoding="cp1252", errors=errors, newline="\n")
    monkeypatch.setattr(sys, "platform", "win32")
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(sys, "stdout", None)
    console.use_utf8()
    stream.write(text)
    stream.flush()
    assert out.getvalue() == written
