"""Writes a pack as `llamapack_runtime.pack.format` declares it. Knows nothing of what is in it."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from llamapack.copying import Advance, FileState, copy_file_summed
from llamapack.newfile import new_path
from llamapack.sums import Sums
from llamapack_runtime.pack import Entry, EntrySum
from llamapack_runtime.pack.format import (
    ENTRY_ALIGNMENT,
    MANIFEST_NAME,
    MAX_MANIFEST_BYTES,
    MODEL_ALIGNMENT,
    TAIL_BYTES,
    central_header,
    local_header,
    local_header_bytes,
    tail,
)

PACK_MODE = 0o755
# More than the headers, gaps, manifest and directory of a pack with a few hundred entries take.
OVERHEAD_BYTES = MODEL_ALIGNMENT + (1 << 20)


@dataclass(frozen=True, slots=True)
class Source:
    """A file that becomes the entry `name`; `state` is how it was when it was looked at."""

    name: str
    path: Path
    state: FileState
    alignment: int = ENTRY_ALIGNMENT


Describe = Callable[[Sequence[EntrySum]], bytes]
Bake = Callable[[Path], Source]


def write_pack(
    target: Path,
    launcher: Source,
    sources: Sequence[Source],
    describe: Describe,
    advance: Advance,
    bake: Bake | None = None,
) -> int:
    """Write the pack and return its size in bytes.

    `describe` makes the manifest from the sums of the entries. `bake` gets the complete pack, which
    it can start, and gives one more entry for it. The pack appears under its name
    when it is complete and on the disk; until then, and when anything goes wrong, it does not.
    Raises OutputError and ChangedError.
    """
    total = sum(source.state.size for source in (launcher, *sources))
    with new_path(target, total + OVERHEAD_BYTES, PACK_MODE) as work:
        entries: list[Entry] = []
        with work.open("r+b", buffering=0) as file:
            copy_file_summed(launcher.path, launcher.state, file, 0, advance)
            size = _write_rest(file, entries, launcher.state.size, sources, describe, advance)
        # A file that is open for writing cannot be started.
        if bake is not None:
            source = bake(work)
            at = entries[-1].data_offset + entries[-1].size
            with work.open("r+b", buffering=0) as file:
                file.truncate(at)
                size = _write_rest(file, entries, at, [source], describe, lambda _: None)
        return size


def _write_rest(
    file: FileIO,
    entries: list[Entry],
    at: int,
    sources: Sequence[Source],
    describe: Describe,
    advance: Advance,
) -> int:
    """Put `sources` behind `entries`, which grow by them and end at `at`; then what comes last.
    Returns the length of the file."""
    for source in sources:
        entry = _write_source(file, source, at, advance)
        entries.append(entry)
        at = entry.data_offset + entry.size
    manifest = describe([EntrySum(entry.name, entry.size, entry.sha256) for entry in entries])
    return _write_end(file, entries, manifest, at)


def _write_source(file: FileIO, source: Source, at: int, advance: Advance) -> Entry:
    data_offset = _data_offset(source.name, at, source.alignment)
    sums = copy_file_summed(source.path, source.state, file, data_offset, advance)
    entry = _entry(source.name, source.state.size, sums, data_offset)
    _write_at(file, entry.header_offset, local_header(entry))
    return entry


def _write_end(file: FileIO, entries: list[Entry], manifest: bytes, at: int) -> int:
    """Manifest, directory and end records. Returns the length of the file."""
    assert len(manifest) <= MAX_MANIFEST_BYTES, "a manifest holds a few lines for each entry"
    sums = Sums(hashlib.sha256(manifest).hexdigest(), zlib.crc32(manifest))
    last = _entry(
        MANIFEST_NAME, len(manifest), sums, _data_offset(MANIFEST_NAME, at, ENTRY_ALIGNMENT)
    )
    _write_at(file, last.header_offset, local_header(last) + manifest)
    directory = b"".join(central_header(entry) for entry in (*entries, last))
    directory_offset = last.data_offset + last.size
    _write_at(
        file,
        directory_offset,
        directory + tail(directory, directory_offset, len(entries) + 1),
    )
    return directory_offset + len(directory) + TAIL_BYTES


def _data_offset(name: str, at: int, alignment: int) -> int:
    """Where an entry's data begins whose local header may begin at `at` or later.

    at          header_offset       data_offset (a multiple of alignment)
    | zero gap  | local header      | data ...
    """
    earliest = at + local_header_bytes(name)
    return (earliest + alignment - 1) // alignment * alignment


def _entry(name: str, size: int, sums: Sums, data_offset: int) -> Entry:
    return Entry(name, size, sums.crc32, sums.sha256, data_offset - local_header_bytes(name))


def _write_at(file: FileIO, offset: int, data: bytes) -> None:
    file.seek(offset, os.SEEK_SET)
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]
