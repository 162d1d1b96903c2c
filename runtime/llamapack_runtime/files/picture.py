"""Decodes an image in a child process that a bad one may take down."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from llamapack_runtime.engine.errors import ImageError
from llamapack_runtime.engine.vision import Pixels
from llamapack_runtime.files.picture_header import PictureProblem, read_header

PICTURE_WORKER = "--picture-worker"
MOST_SECONDS = 30.0
_DAMAGED = "The image is damaged, or of a kind that cannot be read; save it again as PNG or JPEG."


def decode(
    data: bytes, program: Sequence[str], libraries: Path, most_seconds: float = MOST_SECONDS
) -> Pixels:
    """The pixels of a PNG or JPEG. Blocks for as long as the child takes, `most_seconds` at most.
    `program` starts this program: ours and the arguments before its own. ImageError says why there
    are none."""
    try:
        header = read_header(data)
    except PictureProblem as problem:
        raise ImageError(str(problem)) from None
    size = header.width * header.height * 3
    try:
        pixels = _answer([*program, PICTURE_WORKER, str(libraries)], data, size, most_seconds)
    except OSError as error:
        raise ImageError(
            f"The part of this program that reads images could not be started: {error.strerror}. "
            "Close other programs and try again."
        ) from None
    if len(pixels) != size:
        raise ImageError(_DAMAGED)
    return Pixels(header.width, header.height, pixels)


def _answer(command: Sequence[str], data: bytes, size: int, most_seconds: float) -> bytes:
    """What the child prints, at most one byte more than `size`."""
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.CREATE_NO_WINDOW
    child = subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        creationflags=flags,
        start_new_session=True,
    )
    assert child.stdin is not None, "it was started with a pipe"
    assert child.stdout is not None, "it was started with two"
    clock = threading.Timer(most_seconds, child.kill)
    clock.start()
    try:
        with suppress(BrokenPipeError, OSError):  # it ended early, and says nothing then
            child.stdin.write(data)
            child.stdin.close()
        return child.stdout.read(size + 1)
    finally:
        clock.cancel()
        child.kill()
        with suppress(BrokenPipeError, OSError):
            child.stdin.close()
        child.stdout.close()
        child.wait()
