"""Pictures that came with messages: kept as they are, and written into exports as data: URLs."""

from __future__ import annotations

import base64
import binascii
import sqlite3

from llamapack_runtime.files.picture_header import PictureHeader, PictureProblem, read_header
from llamapack_runtime.files.types import PictureKind
from llamapack_runtime.store.errors import NotFound, NotStorable

# The page makes photos smaller before it sends them: a tenth of this is usual.
MAX_PICTURE_BYTES = 4 * 1024 * 1024
_MAX_URL = MAX_PICTURE_BYTES * 4 // 3 + 100  # characters


def insert(connection: sqlite3.Connection, file: int, name: str, data: bytes) -> None:
    """NotStorable when it is no PNG or JPEG that may be kept."""
    checked(data, name)
    connection.execute("INSERT INTO pictures VALUES (?, ?)", (file, data))


def data_of(connection: sqlite3.Connection, file: int) -> bytes:
    row = connection.execute("SELECT data FROM pictures WHERE file = ?", (file,)).fetchone()
    if row is None:
        raise NotFound("This file is no picture.")
    data: bytes = row[0]
    return data


def checked(data: bytes, name: str) -> PictureHeader:
    """What it says of itself. NotStorable when that is nothing, or too much."""
    if len(data) > MAX_PICTURE_BYTES:
        raise NotStorable(
            f"The picture {name!r} has {len(data) / 1024**2:.1f} MiB: "
            f"{MAX_PICTURE_BYTES // 1024**2} MiB is the most that one may have."
        )
    try:
        return read_header(data)
    except PictureProblem as problem:
        raise NotStorable(f"The picture {name!r} cannot be kept. {problem}") from None


def url_of(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def read_url(url: str, kind: PictureKind, name: str) -> bytes:
    """What `url_of` wrote. NotStorable for anything else."""
    head, comma, text = url.partition(",")
    if not comma or head != f"data:image/{kind};base64" or len(url) > _MAX_URL:
        raise NotStorable(
            f"the picture {name!r} is no data: URL of a {kind.upper()} of at most "
            f"{MAX_PICTURE_BYTES // 1024**2} MiB"
        )
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NotStorable(f"the picture {name!r} is not valid base64") from None
    if checked(data, name).kind != kind:
        raise NotStorable(f"the picture {name!r} is not a {kind.upper()}")
    return data
