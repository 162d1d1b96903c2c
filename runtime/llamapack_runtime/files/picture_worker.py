"""The child's whole job: decode one image within limits and print its pixels. The decoder, which
is in libmtmd, is C code that reads whatever somebody sends; here it can take down nobody else."""

from __future__ import annotations

import ctypes
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from llamapack_runtime.files.confine import confine
from llamapack_runtime.files.orientation import upright
from llamapack_runtime.files.picture_header import MAX_BYTES, PictureProblem, read_header

_NAMES = {"win32": "mtmd.dll", "darwin": "libmtmd.dylib"}
_RGB = 3  # channels


def run_worker(arguments: Sequence[str]) -> int:
    """The argument is the folder of the libraries; the file comes in on standard input, and the
    pixels go out, three bytes each. The exit code: 0 where they did, 1 for an image that cannot be
    decoded, 2 where the arguments are not understood."""
    if len(arguments) != 1:
        return 2
    library = ctypes.CDLL(str(Path(arguments[0]) / _NAMES.get(sys.platform, "libmtmd.so")))
    load = library.stbi_load_from_memory
    load.restype = ctypes.POINTER(ctypes.c_char)
    data = sys.stdin.buffer.read(MAX_BYTES + 1)
    confine()
    pixels = _decoded(load, data)
    if pixels is None:
        return 1
    sys.stdout.buffer.write(pixels)
    sys.stdout.buffer.flush()
    return 0


def _decoded(load: Any, data: bytes) -> bytes | None:
    try:
        expected = read_header(data)
    except PictureProblem:
        return None
    width, height, channels = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    sizes = (ctypes.byref(one) for one in (width, height, channels))
    found = load(data, len(data), *sizes, _RGB)
    size = width.value, height.value
    if not found or size != (expected.stored_width, expected.stored_height):
        return None
    # The process ends when it is written, so nothing is freed.
    pixels: bytes = found[: width.value * height.value * _RGB]
    return upright(pixels, *size, expected.orientation)
