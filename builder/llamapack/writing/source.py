"""Where the bytes of an entry come from: stretches of files and pieces made while packing, one
after the other. Knows nothing of packs."""

from __future__ import annotations

import os
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Self

from llamapack.errors import ChangedError
from llamapack.writing.copying import Advance, FileState, copy_added, copy_unread
from llamapack.writing.sums import BlockSums, Sums
from llamapack_runtime.pack.format import ENTRY_ALIGNMENT


@dataclass(frozen=True, slots=True)
class Stretch:
    """`size` bytes from `offset` of a file that was as `state` says when it was looked at."""

    path: Path
    state: FileState
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class Source:
    """What becomes the entry `name`. `sums` are those of all parts together where they are known
    already: then the bytes need not pass through this program."""

    name: str
    parts: tuple[Stretch | bytes, ...]
    alignment: int = ENTRY_ALIGNMENT
    sums: Sums | None = None

    @classmethod
    def of_file(
        cls, name: str, path: Path, state: FileState, alignment: int = ENTRY_ALIGNMENT
    ) -> Self:
        return cls(name, (Stretch(path, state, 0, state.size),), alignment)

    @property
    def size(self) -> int:
        return sum(len(part) if isinstance(part, bytes) else part.size for part in self.parts)

    def read(self) -> bytes:
        """All of a small one. ChangedError."""
        return b"".join(part if isinstance(part, bytes) else _read(part) for part in self.parts)


def copy_source(source: Source, target: FileIO, at: int, advance: Advance) -> Sums:
    """Write all parts to `target` from `at` on. ChangedError when a file is not, or no longer, as
    it was."""
    if source.sums is not None:
        _copy_parts(source, target, at, None, advance)
        return source.sums
    with BlockSums() as sums:
        _copy_parts(source, target, at, sums, advance)
        return sums.finish()


def _read(part: Stretch) -> bytes:
    with part.path.open("rb") as file:
        file.seek(part.offset)
        data = file.read(part.size)
    if len(data) != part.size or FileState.of(part.path) != part.state:
        raise ChangedError(part.path)
    return data


def _copy_parts(
    source: Source, target: FileIO, at: int, sums: BlockSums | None, advance: Advance
) -> None:
    for part in source.parts:
        if isinstance(part, bytes):
            if sums is not None:
                sums.add(part)
            write_at(target, at, part)
            at += len(part)
        else:
            _copy_stretch(part, target, at, sums, advance)
            at += part.size


def _copy_stretch(
    part: Stretch, target: FileIO, at: int, sums: BlockSums | None, advance: Advance
) -> None:
    with part.path.open("rb", buffering=0) as file:
        if FileState.of(part.path) != part.state:
            raise ChangedError(part.path)
        if sums is None:
            copy_unread(file, part.offset, part.size, target, at, advance)
        else:
            copy_added(file, part.offset, part.size, target, at, sums, advance)
        if FileState.of(part.path) != part.state:
            raise ChangedError(part.path)


def write_at(file: FileIO, offset: int, data: bytes) -> None:
    file.seek(offset, os.SEEK_SET)
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
