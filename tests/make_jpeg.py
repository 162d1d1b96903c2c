"""Writes small baseline JPEGs of flat 8 x 8 blocks: enough to tell which way up they are."""

from __future__ import annotations

import struct
from collections.abc import Sequence

_QUANTUM = 8  # so that a block's first coefficient is its value less 128
_SIZES = 12  # classes of differences, each with a code of four bits


def jpeg(blocks: Sequence[Sequence[tuple[int, ...]]], *segments: bytes) -> bytes:
    """Lines of blocks, each with a value of every component: one of grey, three of YCbCr, four of
    CMYK as Adobe has it. `segments` come first."""
    n_components = len(blocks[0][0])
    numbers = range(1, n_components + 1)
    size = struct.pack(">BHHB", 8, 8 * len(blocks), 8 * len(blocks[0]), n_components)
    frame = size + b"".join(struct.pack(">3B", one, 0x11, 0) for one in numbers)
    scan = bytes([n_components]) + b"".join(bytes([one, 0]) for one in numbers) + b"\0\x3f\0"
    codes = bytes([0, 0, 0, _SIZES, *[0] * 12, *range(_SIZES)])
    no_more = bytes([1, *[0] * 15, 0])
    adobe = (segment(0xEE, b"Adobe\0\x64\0\0\0\0\0"),) if n_components == 4 else ()
    return b"".join(
        (
            b"\xff\xd8", *segments, *adobe,
            segment(0xDB, b"\0" + bytes([_QUANTUM]) * 64),
            segment(0xC0, frame),
            segment(0xC4, b"\0" + codes), segment(0xC4, b"\x10" + no_more),
            segment(0xDA, scan),
            _packed(_bits(blocks, n_components)),
            b"\xff\xd9",
        )
    )  # fmt: skip


def segment(mark: int, body: bytes) -> bytes:
    return struct.pack(">2BH", 0xFF, mark, len(body) + 2) + body


def exif(orientation: int, order: str = ">") -> bytes:
    """A segment that says how the photo was held."""
    head = b"MM\0*" if order == ">" else b"II*\0"
    tag = struct.pack(f"{order}HHIHH", 0x0112, 3, 1, orientation, 0)
    other = struct.pack(f"{order}HHII", 0x010F, 2, 4, 0)
    directory = struct.pack(f"{order}IH", 8, 2) + other + tag + bytes(4)
    return segment(0xE1, b"Exif\0\0" + head + directory)


def _bits(blocks: Sequence[Sequence[tuple[int, ...]]], n_components: int) -> str:
    bits, before = "", [128] * n_components
    for block in (block for line in blocks for block in line):
        for component, value in enumerate(block):
            change, before[component] = value - before[component], value
            length = abs(change).bit_length()
            bits += f"{length:04b}"
            if length:
                bits += f"{change if change > 0 else change + (1 << length) - 1:0{length}b}"
            bits += "0"  # nothing but the first coefficient
    return bits


def _packed(bits: str) -> bytes:
    padded = bits + "1" * (-len(bits) % 8)
    data = bytes(int(padded[at : at + 8], 2) for at in range(0, len(padded), 8))
    return data.replace(b"\xff", b"\xff\0")
