"""Tells a picture that somebody attaches from other files. What is in it is decoded when a model
looks at it, and by a child then; here a few bytes are read of its beginning."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from llamapack_runtime.files.errors import FileProblem
from llamapack_runtime.files.kinds import is_picture
from llamapack_runtime.files.names import shown_name
from llamapack_runtime.files.picture_header import PictureHeader, PictureProblem, read_header

_BEGINNINGS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_HEAD_BYTES = 1024


@dataclass(frozen=True, slots=True)
class Picture:
    """`data` is the file as it came."""

    header: PictureHeader
    data: bytes


def read_picture(path: Path, name: str, most_bytes: int) -> Picture | None:
    """None for what is no picture. FileProblem for one that is neither a PNG nor a JPEG, is damaged
    or too large; OSError when the file cannot be read."""
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if not is_picture(head):
            return None
        if not head.startswith(_BEGINNINGS):
            raise FileProblem(
                "unsupported_file",
                f"{shown_name(name)} is a picture of a kind that is not read here. Save it as PNG "
                "or JPEG and attach that.",
            )
        data = head + file.read(most_bytes + 1 - len(head))
    if len(data) > most_bytes:
        raise FileProblem(
            "too_large",
            f"{shown_name(name)} is a picture of more than {most_bytes >> 20} MiB. Make it smaller "
            "and attach it again.",
        )
    try:
        return Picture(read_header(data), data)
    except PictureProblem as problem:
        raise FileProblem("unreadable_file", f"{shown_name(name)}: {problem}") from None
