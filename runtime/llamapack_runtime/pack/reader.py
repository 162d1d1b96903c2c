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
    CENTRAL_ZIP64_EXTRA,
    COMMENT_BYTES,
    COMMENT_PREFIX,
    END64,
    FORMAT_REVISION,
    MANIFEST_NAME,
    MAX_DIRECTORY_BYTES,
    MAX_MANIFEST_BYTES,
    SHA256_EXTRA,
    TAIL_BYTES,
    Entry,
    central_header,
    comment,
    is_safe_name,
    local_header,
    tail,
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
        self._check_manifest()

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

    def _check_manifest(self) -> None:
        """The manifest lists what the directory holds, and names entries that are there."""
        listed = {(entry.name, entry.size, entry.sha256) for entry in self.manifest.entries}
        held = {(entry.name, entry.size, entry.sha256) for entry in self.entries}
        named = {self.manifest.model.entry, self.manifest.runtime.entry}
        if self.manifest.state is not None:
            named.add(self.manifest.state)
        rest = {item for item in held if item[0] != MANIFEST_NAME}
        if listed != rest or not named <= {item[0] for item in rest}:
            raise PackError(_altered(self.path, "its manifest"))

    def seek(self, name: str) -> tuple[BinaryIO, Entry]:
        """The pack's own handle, placed at the first byte of an entry. Do not close it."""
        entry = self.entry(name)
        self._file.seek(entry.data_offset)
        return self._file, entry


def _read_directory(file: BinaryIO, path: Path) -> tuple[Entry, ...]:
    file_bytes = file.seek(0, os.SEEK_END)
    if file_bytes < TAIL_BYTES:
        raise PackError(f"{path.name} is not a llamapack file: it has only {file_bytes} bytes.")
    end = file_bytes - TAIL_BYTES
    seal = _read_at(file, end, TAIL_BYTES)
    _check_comment(seal[-COMMENT_BYTES:], path)
    count, directory_bytes, directory_offset = END64.unpack_from(seal)[7:10]
    if directory_bytes > MAX_DIRECTORY_BYTES or directory_offset + directory_bytes != end:
        raise PackError(_altered(path, "its end record"))
    directory = _read_at(file, directory_offset, directory_bytes)
    if comment(directory) != seal[-COMMENT_BYTES:]:
        raise PackError(_altered(path, "its directory"))
    if tail(directory, directory_offset, count) != seal:
        raise PackError(_altered(path, "its end record"))
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
                raise PackError(_altered(path, "its directory"))
            entries.append(entry)
            at += len(record)
    except (struct.error, UnicodeDecodeError) as error:
        raise PackError(_altered(path, "its directory")) from error
    if count != len(entries):
        raise PackError(_altered(path, "its directory"))
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
        if not inside or _read_at(file, entry.header_offset, _header_bytes(entry)) != local_header(
            entry
        ):
            raise PackError(_altered(path, f"the header of '{entry.name}'"))
        free_from = entry.data_offset + entry.size


def _header_bytes(entry: Entry) -> int:
    return entry.data_offset - entry.header_offset


def _read_at(file: BinaryIO, offset: int, count: int) -> bytes:
    file.seek(offset)
    return file.read(count)


def _altered(path: Path, part: str) -> str:
    return (
        f"{path.name} was damaged or altered: {part} does not match its check sum. "
        "Get the file again from where it came from."
    )
