"""Images are decoded by a child, whatever they are."""

from __future__ import annotations

import os
import sys
import zlib
from pathlib import Path

import pytest

from llamapack_runtime.engine.errors import ImageError
from llamapack_runtime.files.picture import decode
from make_jpeg import exif, jpeg
from make_mmproj import png, png_of

pytestmark = pytest.mark.slow
PROGRAM = (sys.executable, "-m", "llamapack_runtime")


@pytest.fixture(scope="module")
def libraries() -> Path:
    folder = os.environ.get("LLAMAPACK_TEST_LIBRARIES")
    if not folder:
        pytest.skip("LLAMAPACK_TEST_LIBRARIES is not set; `make test` sets it")
    return Path(folder)


def test_a_png_becomes_its_pixels(libraries: Path) -> None:
    rows = b"".join(b"\0" + bytes([10 * y, 0, 255]) * 4 for y in range(3))
    pixels = decode(png_of(4, 3, zlib.compress(rows)), PROGRAM, libraries)
    assert (pixels.width, pixels.height) == (4, 3)
    assert pixels.data == b"".join(bytes([10 * y, 0, 255]) * 4 for y in range(3))


def test_a_photo_is_turned_the_right_way_up(libraries: Path) -> None:
    pixels = decode(jpeg([[(10,), (200,)]], exif(6)), PROGRAM, libraries)
    assert (pixels.width, pixels.height) == (8, 16)
    assert {pixels.data[:3], pixels.data[-3:]} == {bytes([10] * 3), bytes([200] * 3)}
    assert pixels.data[0] == 10


def test_four_colours_and_sixteen_bits_become_three_of_eight(libraries: Path) -> None:
    assert decode(jpeg([[(255, 255, 255, 99)]]), PROGRAM, libraries).data == bytes([99] * 3) * 64
    rows = zlib.compress(b"\0" + bytes([1, 2, 3, 4, 5, 6]) * 2)
    deep = png_of(2, 1, rows, bits=16)
    assert decode(deep, PROGRAM, libraries).data == bytes([1, 3, 5]) * 2


@pytest.mark.parametrize(
    "data",
    [
        png_of(4000, 4000, b"no zlib"),
        png_of(40, 40, zlib.compress(bytes(10))),
        png(40, 40)[:-200],
        b"\xff\xd8\xff\xc0\x00\x11\x08\x00\x20\x00\x30\x03" + bytes(99),
    ],
)
def test_a_damaged_one_is_said_to_be(libraries: Path, data: bytes) -> None:
    with pytest.raises(ImageError, match="damaged"):
        decode(data, PROGRAM, libraries)


def test_a_bomb_ends_the_child_alone(libraries: Path) -> None:
    """640 MiB of zeros in three: the child may have 512 MiB."""
    packer = zlib.compressobj(1)
    data = b"".join(packer.compress(bytes(1 << 24)) for _ in range(40)) + packer.flush()
    with pytest.raises(ImageError, match="damaged"):
        decode(png_of(400, 400, data), PROGRAM, libraries)


def test_a_child_that_hangs_is_ended(libraries: Path) -> None:
    program = (sys.executable, "-c", "import time; time.sleep(60)")
    with pytest.raises(ImageError, match="damaged"):
        decode(png(4, 4), program, libraries, most_seconds=0.5)


def test_a_child_that_says_too_much_is_not_believed(libraries: Path) -> None:
    program = (sys.executable, "-c", "print('x' * 10_000_000)")
    with pytest.raises(ImageError, match="damaged"):
        decode(png(4, 4), program, libraries)
