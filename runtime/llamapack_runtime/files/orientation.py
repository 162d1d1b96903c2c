"""How a photo was held, as its Exif data say, and its pixels the right way up. Pure.

Cameras store what their sensor saw. In the order of Exif's numbers from 1 to 8: upright, mirrored,
upside down, both; then the same four with lines and columns exchanged."""

from __future__ import annotations

import struct

UPRIGHT = 1
_EXIF = b"Exif\0\0"
_TAG = 0x0112
_SHORT = 3  # the type of its value
_MOST_TAGS = 1024
_EXCHANGED = (5, 6, 7, 8)
_MIRRORED = (2, 3, 6, 7)  # left and right
_FLIPPED = (3, 4, 7, 8)  # top and bottom


def orientation_of(segment: bytes) -> int:
    """1 to 8, from the body of a JPEG's APP1 segment; 1 for whatever does not say."""
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(segment[len(_EXIF) : len(_EXIF) + 4])
    if not segment.startswith(_EXIF) or order is None:
        return UPRIGHT
    tiff = segment[len(_EXIF) :]
    try:
        (at,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, at)
        for index in range(min(count, _MOST_TAGS)):
            tag, kind, n, value = struct.unpack_from(f"{order}HHIH", tiff, at + 2 + 12 * index)
            if (tag, kind, n) == (_TAG, _SHORT, 1):
                return value if 1 <= value <= 8 else UPRIGHT
    except struct.error:  # it ends before
        pass
    return UPRIGHT


def is_exchanged(orientation: int) -> bool:
    """Whether width and height are."""
    return orientation in _EXCHANGED


def upright(pixels: bytes, width: int, height: int, orientation: int) -> bytes:
    """Three bytes a pixel, line by line; `width` and `height` are those before."""
    if orientation == UPRIGHT:
        return pixels
    exchanged = is_exchanged(orientation)
    columns, lines = (height, width) if exchanged else (width, height)
    step = -1 if orientation in _MIRRORED else 1
    turned, line = bytearray(len(pixels)), 3 * columns
    for y in range(lines):
        source = lines - 1 - y if orientation in _FLIPPED else y
        for colour in range(3):
            if exchanged:
                row = pixels[3 * source + colour :: 3 * width]
            else:
                row = pixels[source * line + colour : (source + 1) * line : 3]
            turned[y * line + colour : (y + 1) * line : 3] = row[::step]
    return bytes(turned)
