"""Photos the right way up, whatever their Exif data say."""

from __future__ import annotations

import pytest

from llamapack_runtime.files.orientation import orientation_of, upright
from make_jpeg import exif

SEGMENT_HEAD = 4
# Lines of a picture three pixels wide, and what each orientation makes of it.
STORED = ("abc", "def")
SHOWN = {
    1: ("abc", "def"), 2: ("cba", "fed"), 3: ("fed", "cba"), 4: ("def", "abc"),
    5: ("ad", "be", "cf"), 6: ("da", "eb", "fc"), 7: ("fc", "eb", "da"), 8: ("cf", "be", "ad"),
}  # fmt: skip


def pixels(lines: tuple[str, ...]) -> bytes:
    """Of each letter a colour with three different parts."""
    return b"".join(bytes([ord(one), ord(one) + 30, ord(one) + 60]) for one in "".join(lines))


@pytest.mark.parametrize("orientation", SHOWN)
def test_each_orientation_is_undone(orientation: int) -> None:
    assert upright(pixels(STORED), 3, 2, orientation) == pixels(SHOWN[orientation])


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_orders_of_bytes_are_read(order: str) -> None:
    assert [orientation_of(exif(n, order)[SEGMENT_HEAD:]) for n in range(1, 9)] == [*range(1, 9)]


@pytest.mark.parametrize("value", [0, 9, 65535])
def test_what_is_no_orientation_is_upright(value: int) -> None:
    assert orientation_of(exif(value)[SEGMENT_HEAD:]) == 1


def test_a_hostile_segment_is_upright() -> None:
    whole = exif(6)[SEGMENT_HEAD:]
    # All but the last tag's unused end and what follows it.
    assert {orientation_of(whole[:end]) for end in range(len(whole) - 6)} == {1}
    assert orientation_of(b"Exif\0\0MM\0*" + b"\xff" * 100) == 1
    assert orientation_of(b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + bytes(60000)) == 1
    assert orientation_of(b"http://ns.adobe.com/xap/1.0/\0") == 1
