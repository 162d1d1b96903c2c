"""Writes a pack as `llamapack_runtime.pack.format` declares it. Knows nothing of what is in it."""

from __future__ import annotations

import functools
import hashlib
import zlib
from collections.abc import Callable, Sequence
from io import FileIO
from pathlib import Path

from llamapack.writing.copying import Advance
from llamapack.writing.newfile import new_path
from llamapack.writing.source import Source, copy_source, write_at
from llamapack.writing.sums import Sums
from llamapack_runtime.pack import Entry, EntrySum
from llamapack_runtime.pack.format import (
    ENTRY_ALIGNMENT,
    MANIFEST_NAME,
    MAX_MANIFEST_BYTES,
    MODEL_ALIGNMENT,
    central_header,
    local_header,
    local_header_bytes,
    tail,
)

PACK_MODE = 0o755
# More than the headers, gaps, manifest and directory of a pack with a few hundred entries take.
OVERHEAD_BYTES = MODEL_ALIGNMENT + (1 << 20)


# The manifest, from the sums of the launcher and of the entries.
Describe = Callable[[EntrySum, Sequence[EntrySum]], bytes]
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

    `bake` gets the complete pack, which it can start, and gives one more entry for it. The pack
    appears under its name when it is complete and on the disk; until then, and when anything goes
    wrong, it does not. Raises OutputError and ChangedError.
    """
    total = sum(source.size for source in (launcher, *sources))
    with new_path(target, total + OVERHEAD_BYTES, PACK_MODE) as work:
        entries: list[Entry] = []
        with work.open("r+b", buffering=0) as file:
            first = _sum(launcher.name, launcher.size, copy_source(launcher, file, 0, advance))
            told = functools.partial(describe, first)
            size = _write_rest(file, entries, launcher.size, sources, told, advance)
        # A file that is open for writing cannot be started.
        if bake is not None:
            source = bake(work)
            at = entries[-1].data_offset + entries[-1].size
            with work.open("r+b", buffering=0) as file:
                file.truncate(at)
                size = _write_rest(file, entries, at, [source], told, lambda _: None)
        return size


def packed_size(launcher: Source, sources: Sequence[Source], describe: Describe) -> int:
    """The length that `write_pack` would give the file; nothing is read or written."""
    unknown = Sums("0" * 64, 0)
    entries: list[Entry] = []
    at = launcher.size
    for source in sources:
        data_offset = _data_offset(source.name, at, source.alignment)
        entries.append(_entry(source.name, source.size, unknown, data_offset))
        at = data_offset + source.size
    sums = [EntrySum(entry.name, entry.size, entry.sha256) for entry in entries]
    manifest = describe(_sum(launcher.name, launcher.size, unknown), sums)
    body, seal = end_of_pack(entries, [(MANIFEST_NAME, manifest)], at)
    return at + len(body) + len(seal)


def _write_rest(
    file: FileIO,
    entries: list[Entry],
    at: int,
    sources: Sequence[Source],
    describe: Callable[[Sequence[EntrySum]], bytes],
    advance: Advance,
) -> int:
    """Put `sources` behind `entries`, which grow by them and end at `at`; then what comes last.
    Returns the length of the file."""
    for source in sources:
        entry = _write_source(file, source, at, advance)
        entries.append(entry)
        at = entry.data_offset + entry.size
    manifest = describe([EntrySum(entry.name, entry.size, entry.sha256) for entry in entries])
    assert len(manifest) <= MAX_MANIFEST_BYTES, "a manifest holds a few lines for each entry"
    return _write_end(file, entries, manifest, at)


def _write_source(file: FileIO, source: Source, at: int, advance: Advance) -> Entry:
    data_offset = _data_offset(source.name, at, source.alignment)
    sums = copy_source(source, file, data_offset, advance)
    entry = _entry(source.name, source.size, sums, data_offset)
    write_at(file, entry.header_offset, local_header(entry))
    return entry


def _write_end(file: FileIO, entries: list[Entry], manifest: bytes, at: int) -> int:
    """Manifest, directory and end records. Returns the length of the file."""
    body, seal = end_of_pack(entries, [(MANIFEST_NAME, manifest)], at)
    write_at(file, at, body + seal)
    return at + len(body) + len(seal)


def end_of_pack(
    entries: Sequence[Entry], last: Sequence[tuple[str, bytes]], at: int
) -> tuple[bytes, bytes]:
    """What comes behind `entries`, from `at` on: the `last` entries with names and data, the
    manifest among them, and the directory of all; then the end records that make it valid."""
    body = b""
    written = list(entries)
    for name, data in last:
        sums = Sums(hashlib.sha256(data).hexdigest(), zlib.crc32(data))
        entry = _entry(name, len(data), sums, _data_offset(name, at + len(body), ENTRY_ALIGNMENT))
        gap = entry.header_offset - at - len(body)
        body += bytes(gap) + local_header(entry) + data
        written.append(entry)
    directory = b"".join(central_header(entry) for entry in written)
    return body + directory, tail(directory, at + len(body), len(written))


def _sum(name: str, size: int, sums: Sums) -> EntrySum:
    return EntrySum(name, size, sums.sha256)


def _data_offset(name: str, at: int, alignment: int) -> int:
    """Where an entry's data begins whose local header may begin at `at` or later.

    at          header_offset       data_offset (a multiple of alignment)
    | zero gap  | local header      | data ...
    """
    earliest = at + local_header_bytes(name)
    return (earliest + alignment - 1) // alignment * alignment


def _entry(name: str, size: int, sums: Sums, data_offset: int) -> Entry:
    return Entry(name, size, sums.crc32, sums.sha256, data_offset - local_header_bytes(name))
