"""Gives a pack another end in place: new presets cost a few kilobytes of writing whatever the pack
holds. Knows nothing of what the manifest says.

    [launcher][kept entries][old end]                                  as it was
    [launcher][kept entries][old end][EDIT_MARK][new end, part by part]    the old end counts
    [launcher][kept entries][old end][EDIT_MARK][new end]              the new end counts
    [launcher][kept entries][new end].......[EDIT_MARK][new end]       the last one counts
    [launcher][kept entries][new end]                                  as if built like that

Each step is on the disk before the next one begins, so that a kill or a power cut leaves a pack
with the old or the new end.
"""

from __future__ import annotations

import contextlib
import errno
import functools
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from io import FileIO
from pathlib import Path

from llamapack.errors import OutputError
from llamapack.packs.opening import open_pack
from llamapack.text import plain
from llamapack.writing.packwriter import end_of_pack
from llamapack.writing.source import write_at
from llamapack_runtime.pack import Entry, Pack
from llamapack_runtime.pack.format import EDIT_MARK, ENTRY_ALIGNMENT, MAX_EDIT_BYTES

if sys.platform != "win32":
    import fcntl

# Behind the entries that are kept, in their order, the pack gets these by name and data instead of
# all others, the manifest among them. Returns the new size in bytes.
Edit = Callable[[Sequence[Entry], Sequence[tuple[str, bytes]]], int]


@contextlib.contextmanager
def editing(path: Path) -> Iterator[tuple[Pack, Edit]]:
    """The pack, which nobody else edits until the block ends, and how to edit it. PackFileError
    when it is none, OutputError when it cannot be written; it is then as it was."""
    with open_pack(path) as found:  # what is no pack is not opened for writing
        path = found.path
    try:
        with path.open("r+b", buffering=0) as file:
            _lock(file)
            with open_pack(path) as pack:
                yield pack, functools.partial(_replace_end, file, pack)
    except OSError as error:
        if error.errno == errno.ETXTBSY:
            raise OutputError(
                f"{plain(path.name)} is being started just now; try again in a moment."
            ) from error
        raise OutputError.from_os_error(path, error) from error


def _replace_end(
    file: FileIO, pack: Pack, kept: Sequence[Entry], last: Sequence[tuple[str, bytes]]
) -> int:
    at = kept[-1].data_offset + kept[-1].size
    final = b"".join(end_of_pack(kept, last, at))
    behind = _aligned_like(at, max(pack.end, at + len(final)) + len(EDIT_MARK))
    body, seal = end_of_pack(kept, last, behind)
    if behind + len(body) + len(seal) - pack.end > MAX_EDIT_BYTES:
        raise OutputError(f"{plain(pack.path.name)} cannot take that much text; make it shorter.")
    file.truncate(pack.end)  # what an interrupted edit left
    for offset, data in ((pack.end, EDIT_MARK), (behind, body), (behind + len(body), seal)):
        _write_through(file, offset, data)
    _write_through(file, at, final)
    file.truncate(at + len(final))
    os.fsync(file.fileno())
    return at + len(final)


def _aligned_like(at: int, earliest: int) -> int:
    """Where the same end takes the same bytes."""
    return earliest + (at - earliest) % ENTRY_ALIGNMENT


def _write_through(file: FileIO, offset: int, data: bytes) -> None:
    write_at(file, offset, data)
    os.fsync(file.fileno())


def _lock(file: FileIO) -> None:
    """Wait for whoever edits it. Windows lets nobody else write to an open file."""
    if sys.platform != "win32":
        fcntl.flock(file, fcntl.LOCK_EX)
