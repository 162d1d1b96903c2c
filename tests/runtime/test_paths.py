"""Paths of Windows that are longer than most of its functions take."""

from __future__ import annotations

import pytest

from llamapack_runtime.paths import without_limit

DEEP = "Übung" * 60


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (f"C:/{DEEP}/chat.exe", f"\\\\?\\C:\\{DEEP}\\chat.exe"),
        (f"C:\\{DEEP}", f"\\\\?\\C:\\{DEEP}"),
        (f"//server/share/{DEEP}", f"\\\\?\\UNC\\server\\share\\{DEEP}"),
    ],
)
def test_a_long_path_gets_the_form_without_a_limit(given: str, taken: str) -> None:
    assert without_limit(given) == taken


@pytest.mark.parametrize(
    "given", ["C:/chat.exe", "//server/share/chat.exe", f"\\\\?\\C:\\{DEEP}", f"cache/{DEEP}"]
)
def test_any_other_stays_as_it_is(given: str) -> None:
    assert without_limit(given) == given
