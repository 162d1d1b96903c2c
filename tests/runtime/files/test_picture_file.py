"""What is a picture among the files that somebody attaches."""

from __future__ import annotations

from pathlib import Path

import pytest

from llamapack_runtime.files.errors import FileProblem, ProblemCode
from llamapack_runtime.files.picture_file import read_picture
from make_mmproj import png, png_of

MOST = 100_000


def written(folder: Path, data: bytes) -> Path:
    path = folder / "file"
    path.write_bytes(data)
    return path


def test_a_picture_is_read_as_it_is(tmp_path: Path) -> None:
    found = read_picture(written(tmp_path, png(30, 20)), "a.txt", MOST)
    assert found is not None
    assert (found.header.kind, found.header.width, found.data) == ("png", 30, png(30, 20))


@pytest.mark.parametrize(
    "data",
    [b"", b"Words", b"<svg/>", b"<html>", b"GIF89a is a format", b"%PDF-1.4", b"\0" * 300_000],
)
def test_other_files_are_none(tmp_path: Path, data: bytes) -> None:
    assert read_picture(written(tmp_path, data), "a.png", MOST) is None


@pytest.mark.parametrize(
    ("data", "code", "words"),
    [
        (png(30, 20)[:12], "unreadable_file", "neither a PNG nor a JPEG"),
        (png(30, 20)[:20], "unreadable_file", "damaged"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "unsupported_file", "Save it as PNG or JPEG"),
        (b"GIF89a" + bytes(20), "unsupported_file", "Save it as PNG or JPEG"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "unsupported_file", "Save it as PNG or JPEG"),
        (b"\xff\xd8\xff\xe0" + bytes(99), "unreadable_file", "damaged"),
        (png_of(8000, 8000, b""), "unreadable_file", "8000 x 8000 pixels"),
        (png(30, 20) + bytes(MOST), "too_large", "is a picture of more than 0 MiB"),
    ],
)
def test_a_bad_picture_has_a_sentence_with_its_name(
    tmp_path: Path, data: bytes, code: ProblemCode, words: str
) -> None:
    with pytest.raises(FileProblem, match=words) as told:
        read_picture(written(tmp_path, data), 'a\n"b\u202e.png', MOST)
    assert told.value.code == code
    assert str(told.value).startswith('"a b.png"')
