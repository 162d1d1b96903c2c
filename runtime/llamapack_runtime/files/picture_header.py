"""What a PNG or JPEG says of its size, before anything decodes it. Pure: reads a few bytes."""

from __future__ import annotations

import struct
from dataclasses import dataclass

from llamapack_runtime.files.orientation import UPRIGHT, is_exchanged, orientation_of
from llamapack_runtime.files.types import PictureKind

MAX_BYTES = 16 << 20  # as large as a request may be
MAX_SIDE = 8192
MAX_PIXELS = 25_000_000
MAX_RATIO = 100  # of the longer side to the shorter
_PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR"
_PNG_SIZE = struct.Struct(">2I")
# height, width; behind the segment's length and the precision
_JPEG_FRAME = struct.Struct(">2H")
# Baseline, extended and progressive, by Huffman's codes: what stb_image reads.
_FRAMES = frozenset((0xC0, 0xC1, 0xC2))
_OTHER_FRAMES = frozenset(range(0xC3, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset((0x01, *range(0xD0, 0xD8)))  # marks without a segment
_MAX_SEGMENTS = 4096
_APP1 = 0xE1
_JPEG_END = b"\xff\xd9"


class PictureProblem(Exception):  # noqa: N818 - names what is wrong
    """The message is a whole sentence."""


@dataclass(frozen=True, slots=True)
class PictureHeader:
    """`stored_width` and `stored_height` of pixels, as they are in the file; `orientation` as in
    `orientation`."""

    kind: PictureKind
    stored_width: int
    stored_height: int
    orientation: int = UPRIGHT

    @property
    def width(self) -> int:
        return self.stored_height if is_exchanged(self.orientation) else self.stored_width

    @property
    def height(self) -> int:
        return self.stored_width if is_exchanged(self.orientation) else self.stored_height


def read_header(data: bytes) -> PictureHeader:
    """PictureProblem when it is neither, is damaged, or is too large to be read."""
    if len(data) > MAX_BYTES:
        raise PictureProblem(
            f"The image has {len(data)} bytes; at most {MAX_BYTES >> 20} MiB are read. Send a "
            "smaller one."
        )
    if data.startswith(_PNG):
        found = PictureHeader("png", *_png_size(data))
    elif data.startswith(b"\xff\xd8\xff"):
        found = _jpeg_header(data)
    else:
        raise PictureProblem("The image is neither a PNG nor a JPEG; send it as one of these.")
    _check(found.width, found.height)
    return found


def _check(width: int, height: int) -> None:
    shorter, longer = sorted((width, height))
    if not shorter:
        raise _damaged()
    if longer > MAX_SIDE or width * height > MAX_PIXELS:
        raise PictureProblem(
            f"The image has {width} x {height} pixels; at most {MAX_PIXELS // 10**6} million, and "
            f"{MAX_SIDE} on a side, are read. Send a smaller one."
        )
    if longer > shorter * MAX_RATIO:
        raise PictureProblem(
            f"The image has {width} x {height} pixels: one side is more than {MAX_RATIO} times as "
            "long as the other. Cut it."
        )


def _png_size(data: bytes) -> tuple[int, int]:
    if len(data) < len(_PNG) + _PNG_SIZE.size:
        raise _damaged()
    width, height = _PNG_SIZE.unpack_from(data, len(_PNG))
    return width, height


def _jpeg_header(data: bytes) -> PictureHeader:
    """From its frame, which comes after any number of other segments."""
    at, orientation = 2, UPRIGHT
    for _ in range(_MAX_SEGMENTS):
        while data[at : at + 2] == b"\xff\xff":  # fill bytes
            at += 1
        if len(data) < at + 9 or data[at] != 0xFF:
            break
        mark = data[at + 1]
        if mark in _FRAMES:
            height, width = _JPEG_FRAME.unpack_from(data, at + 5)
            if data.find(_JPEG_END, at) < 0:  # a decoder would make grey of what is missing
                break
            return PictureHeader("jpeg", width, height, orientation)
        if mark in _OTHER_FRAMES:
            raise PictureProblem("The image is a JPEG of a rare kind; save it as a plain one.")
        length = 0 if mark in _ALONE else int.from_bytes(data[at + 2 : at + 4], "big")
        if mark == _APP1 and orientation == UPRIGHT:
            orientation = orientation_of(data[at + 4 : at + 2 + length])
        at += 2 + length
    raise _damaged()


def _damaged() -> PictureProblem:
    return PictureProblem("The image is damaged or incomplete; send it again.")
