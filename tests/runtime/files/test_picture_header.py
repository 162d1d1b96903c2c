"""What is said of an image before anything decodes it."""

from __future__ import annotations

import pytest

from llamapack_runtime.files.picture_header import (
    MAX_BYTES,
    PictureHeader,
    PictureProblem,
    read_header,
)
from make_jpeg import exif, jpeg
from make_mmproj import png, png_of

FRAME = b"\xff\xc0\x00\x11\x08\x00\x20\x00\x30\x03" + bytes(9) + b"\xff\xd9"
JPEG = b"\xff\xd8\xff\xe0\x00\x04\x00\x00" + FRAME


def test_a_png_and_a_jpeg_say_how_large_they_are() -> None:
    assert read_header(png(30, 20)) == PictureHeader("png", 30, 20)
    assert read_header(JPEG) == PictureHeader("jpeg", 48, 32)
    assert read_header(b"\xff\xd8\xff\xff\xff\xd0" + FRAME) == PictureHeader("jpeg", 48, 32)


@pytest.mark.parametrize(("held", "size"), [(1, (16, 8)), (3, (16, 8)), (6, (8, 16)), (9, (16, 8))])
def test_a_photo_has_the_size_that_it_has_the_right_way_up(
    held: int, size: tuple[int, int]
) -> None:
    header = read_header(jpeg([[(1,), (2,)]], exif(held)))
    assert (header.width, header.height) == size
    assert (header.stored_width, header.stored_height) == (16, 8)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "neither a PNG nor a JPEG"),
        (b"GIF89a" + bytes(20), "neither a PNG nor a JPEG"),
        (b"RIFF\0\0\0\0WEBPVP8 ", "neither a PNG nor a JPEG"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIDAT" + bytes(20), "neither a PNG nor a JPEG"),
        (png(30, 20)[:20], "damaged"),
        (png_of(0, 20, b""), "damaged"),
        (png_of(2**32 - 1, 2**32 - 1, b""), "pixels; at most 25 million"),
        (png_of(8193, 10, b""), "8192 on a side"),
        (png_of(8000, 8000, b""), "8000 x 8000 pixels"),
        (png_of(8000, 10, b""), "one side is more than 100 times"),
        (b"\xff\xd8\xff", "damaged"),
        (jpeg([[(1,)] * 9], exif(1))[:-2], "damaged"),
        (b"\xff\xd8\xff\xe0\x00\x00" * 9, "damaged"),
        (b"\xff\xd8" + b"\xff\xe0\x00\x02" * 10_000 + FRAME, "damaged"),
        (b"\xff\xd8\xff\xc9" + FRAME[2:], "of a rare kind"),
        (b"\xff\xd8" + b"\xff" * 1_000_000, "damaged"),
        (bytes(MAX_BYTES + 1), "at most 16 MiB"),
    ],
)
def test_what_cannot_be_read_is_said(data: bytes, words: str) -> None:
    with pytest.raises(PictureProblem, match=words):
        read_header(data)
