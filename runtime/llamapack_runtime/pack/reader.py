"""Opens a pack for reading and checks its structure before anything in it is trusted."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Self

from llamapack_runtime.pack.errors import PackError
from llamapack_runtime.pack.format import (
    CENTRAL_HEADER,
    CENTRAL_SIGNATURE,
    CENTRAL_ZIP64_EXTRA,
    COMMENT_BYTES,
    COMMENT_PREFIX,
    END,
    END64,
    END64_SIGNATURE,
    END_SIGNATURE,
    EXTRA_SHA256,
    EXTRA_ZIP64,
    LOCATOR64,
    LOCATOR64_SIGNATURE,
    MANIFEST_NAME,
    MAX_DIRECTORY_BYTES,
    MAX_MANIFEST_BYTES,
    METHOD_STORED,
    SHA256_EXTRA,
    TAIL_BYTES,
    Entry,
    comment,
    local_header,
    local_header_bytes,
)
from llamapack_runtime.pack.manifest import Manifest


class Pack:
    """A pack opened for reading. A context manager; it keeps one file handle."""

    def __init__(self, path: Path, file: BinaryIO, entries: tuple[Entry, ...]) -> None:
        self.path = path
        self.entries = entries
        self._file = file
        self._by_name = {entry.name: entry for entry in entries}
        self.manifest = Manifest.from_json(self.read(MANIFEST_NAME, MAX_MANIFEST_BYTES))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Self:
        """Check the structure and the manifest; entry data is not read.

        Raises PackError for a file that is not a pack, OSError when it cannot be read.
        """
        place = Path(path)
        file = place.open("rb")
        try:
            return cls(place, file, _read_directory(file, place))
        except BaseException:
            file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        self._file.close()

    def entry(self, name: str) -> Entry:
        try:
            return self._by_name[name]
        except KeyError:
            raise PackError(f"The pack {self.path.name} has no entry '{name}'.") from None

    def read(self, name: str, limit_bytes: int) -> bytes:
        """The whole of a small entry, checked against its sums."""
        entry = self.entry(name)
        if entry.size > limit_bytes:
            raise PackError(f"The entry '{name}' of {self.path.name} is too large to be genuine.")
        self._file.seek(entry.data_offset)
        data = self._file.read(entry.size)
        if zlib.crc32(data) != entry.crc32 or hashlib.sha256(data).hexdigest() != entry.sha256:
            raise PackError(_altered(self.path, f"its entry '{name}'"))
        return data

    def seek(self, name: str) -> tuple[BinaryIO, Entry]:
        """The pack's own handle, placed at the first byte of an entry. Do not close it."""
        entry = self.entry(name)
        self._file.seek(entry.data_offset)
        return self._file, entry


def _read_directory(file: BinaryIO, path: Path) -> tuple[Entry, ...]:
    file_bytes = file.seek(0, os.SEEK_END)
    if file_bytes < TAIL_BYTES:
        raise PackError(f"{path.name} is not a llamapack file: it has only {file_bytes} bytes.")
    tail_offset = file_bytes - TAIL_BYTES
    file.seek(tail_offset)
    tail = file.read(TAIL_BYTES)
    end = END.unpack_from(tail, END64.size + LOCATOR64.size)
    seal = tail[-COMMENT_BYTES:]
    if end[0] != END_SIGNATURE or not seal.startswith(COMMENT_PREFIX):
        raise PackError(
            f"{path.name} is not a complete llamapack file: its end is missing. It may have been "
            "cut off while it was copied or downloaded; copy it again."
        )
    end64 = END64.unpack_from(tail)
    locator = LOCATOR64.unpack_from(tail, END64.size)
    count, directory_bytes, directory_offset = end64[7], end64[8], end64[9]
    consistent = (
        end64[0] == END64_SIGNATURE
        and locator[0] == LOCATOR64_SIGNATURE
        and locator[2] == tail_offset
        and directory_bytes <= MAX_DIRECTORY_BYTES
        and directory_offset + directory_bytes == tail_offset
    )
    if not consistent:
        raise PackError(_altered(path, "its end record"))
    file.seek(directory_offset)
    directory = file.read(directory_bytes)
    if comment(directory) != seal:
        raise PackError(_altered(path, "its directory"))
    entries = _parse_directory(directory, count, path)
    for entry in entries:
        _check_local_header(file, entry, directory_offset, path)
    return entries


def _parse_directory(directory: bytes, count: int, path: Path) -> tuple[Entry, ...]:
    entries = []
    at = 0
    try:
        for _ in range(count):
            record = CENTRAL_HEADER.unpack_from(directory, at)
            name_bytes, extra_bytes, comment_bytes = record[10:13]
            at += CENTRAL_HEADER.size
            name = directory[at : at + name_bytes].decode()
            zip64 = CENTRAL_ZIP64_EXTRA.unpack_from(directory, at + name_bytes)
            sums = SHA256_EXTRA.unpack_from(directory, at + name_bytes + CENTRAL_ZIP64_EXTRA.size)
            at += name_bytes + extra_bytes + comment_bytes
            ours = (record[0], record[4], zip64[0], sums[0], zip64[2])
            if ours != (CENTRAL_SIGNATURE, METHOD_STORED, EXTRA_ZIP64, EXTRA_SHA256, zip64[3]):
                raise PackError(_altered(path, "its directory"))
            entries.append(Entry(name, zip64[2], record[7], sums[2].hex(), zip64[4]))
    except (struct.error, UnicodeDecodeError) as error:
        raise PackError(_altered(path, "its directory")) from error
    return tuple(entries)


def _check_local_header(file: BinaryIO, entry: Entry, end: int, path: Path) -> None:
    header_bytes = local_header_bytes(entry.name)
    file.seek(entry.header_offset)
    header = file.read(header_bytes)
    if header != local_header(entry) or entry.data_offset + entry.size > end:
        raise PackError(_altered(path, f"the header of '{entry.name}'"))


def _altered(path: Path, part: str) -> str:
    return (
        f"{path.name} was damaged or altered: {part} does not match its check sum. "
        "Get the file again from where it came from."
    )
