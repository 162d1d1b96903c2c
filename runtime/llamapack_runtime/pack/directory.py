"""The end of a pack and its directory, checked to the byte before anything in it is trusted."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from llamapack_runtime.pack.errors import PackError
from llamapack_runtime.pack.format import (
    CENTRAL_HEADER,
    CENTRAL_ZIP64_EXTRA,
    COMMENT_BYTES,
    COMMENT_PREFIX,
    EDIT_MARK,
    END64,
    FORMAT_REVISION,
    MAX_DIRECTORY_BYTES,
    MAX_EDIT_BYTES,
    SHA256_EXTRA,
    TAIL_BYTES,
    Entry,
    central_header,
    comment,
    is_safe_name,
    local_header,
    tail,
)


def earlier_end(file: BinaryIO) -> int | None:
    """Where the archive ended before an edit that was interrupted, if there was one."""
    file_bytes = file.seek(0, os.SEEK_END)
    start = max(0, file_bytes - MAX_EDIT_BYTES - COMMENT_BYTES)
    data = read_at(file, start, file_bytes - start)
    at = data.rfind(EDIT_MARK)
    while at >= COMMENT_BYTES:
        if data.startswith(COMMENT_PREFIX, at - COMMENT_BYTES):
            return start + at
        at = data.rfind(EDIT_MARK, 0, at)
    return None


def read_directory(file: BinaryIO, end: int, path: Path) -> tuple[Entry, ...]:
    """The entries of the archive that ends at `end`; their data is not read. PackError."""
    if end < TAIL_BYTES:
        raise PackError(f"{path.name} is not a llamapack file: it has only {end} bytes.")
    end -= TAIL_BYTES
    seal = read_at(file, end, TAIL_BYTES)
    _check_comment(seal[-COMMENT_BYTES:], path)
    count, directory_bytes, directory_offset = END64.unpack_from(seal)[7:10]
    if directory_bytes > MAX_DIRECTORY_BYTES or directory_offset + directory_bytes != end:
        raise PackError(altered(path, "its end record"))
    directory = read_at(file, directory_offset, directory_bytes)
    if comment(directory) != seal[-COMMENT_BYTES:]:
        raise PackError(altered(path, "its directory"))
    if tail(directory, directory_offset, count) != seal:
        raise PackError(altered(path, "its end record"))
    entries = _parse_directory(directory, count, path)
    _check_entries(file, entries, directory_offset, path)
    return entries


def _check_comment(text: bytes, path: Path) -> None:
    if not text.startswith(COMMENT_PREFIX):
        raise PackError(
            f"{path.name} is not a llamapack file, or its end was cut off while it was copied or "
            "downloaded. Copy it again if it should be one."
        )
    revision = text[-len(FORMAT_REVISION) :]
    if revision != FORMAT_REVISION and revision.isdigit():
        raise PackError(
            f"{path.name} was made in the pack format {revision.decode()}, but this program knows "
            f"{FORMAT_REVISION.decode()}. Use the llamapack version that made the pack."
        )


def _parse_directory(directory: bytes, count: int, path: Path) -> tuple[Entry, ...]:
    """Records that differ in any byte from what `central_header` writes are refused."""
    entries: list[Entry] = []
    at = 0
    try:
        while at < len(directory):
            name_at = at + CENTRAL_HEADER.size
            fields = CENTRAL_HEADER.unpack_from(directory, at)
            extra_at = name_at + fields[10]
            zip64 = CENTRAL_ZIP64_EXTRA.unpack_from(directory, extra_at)
            sums = SHA256_EXTRA.unpack_from(directory, extra_at + CENTRAL_ZIP64_EXTRA.size)
            name = directory[name_at:extra_at].decode()
            entry = Entry(name, zip64[2], fields[7], sums[2].hex(), zip64[4])
            record = central_header(entry)
            if directory[at : at + len(record)] != record:
                raise PackError(altered(path, "its directory"))
            entries.append(entry)
            at += len(record)
    except (struct.error, UnicodeDecodeError) as error:
        raise PackError(altered(path, "its directory")) from error
    if count != len(entries):
        raise PackError(altered(path, "its directory"))
    return tuple(entries)


def _check_entries(file: BinaryIO, entries: tuple[Entry, ...], end: int, path: Path) -> None:
    """Names are usable once, entries follow each other, and each local header is as written."""
    names: set[str] = set()
    free_from = 0
    for entry in entries:
        if entry.name in names or not is_safe_name(entry.name):
            raise PackError(f"{path.name} has an entry that it must not have: {entry.name!r}.")
        names.add(entry.name)
        inside = free_from <= entry.header_offset and entry.data_offset + entry.size <= end
        if not inside or read_at(file, entry.header_offset, _header_bytes(entry)) != local_header(
            entry
        ):
            raise PackError(altered(path, f"the header of '{entry.name}'"))
        free_from = entry.data_offset + entry.size


def _header_bytes(entry: Entry) -> int:
    return entry.data_offset - entry.header_offset


def read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


def altered(path: Path, part: str) -> str:
    return (
        f"{path.name} was damaged or altered: {part} does not match its check sum. "
        "Get the file again from where it came from."
    )
