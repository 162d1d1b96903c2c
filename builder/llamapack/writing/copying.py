"""Copies a stretch of one file into another while it is summed. Knows nothing of packs."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Self

from llamapack.writing.sums import BLOCK_BYTES, BlockSums, Sums

Advance = Callable[[int], None]
UNREAD_BYTES = 64 << 20  # between two words of progress
# What copy_file_range says where the two files' systems cannot do it for each other.
NOT_HERE = (errno.EXDEV, errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EPERM, errno.EBADF)


@dataclass(frozen=True, slots=True)
class FileState:
    """What tells that a file was written to: its length, its time, and which file it is."""

    size: int
    modified_ns: int
    inode: int

    @classmethod
    def of(cls, path: Path) -> Self:
        found = path.stat()
        return cls(found.st_size, found.st_mtime_ns, found.st_ino)


class Copier:
    """Copies blocks in the kernel while that works, else from the memory they were read into.

    In the kernel no byte is copied at all on file systems that share blocks (btrfs, XFS).
    """

    def __init__(self, source: FileIO, target: FileIO) -> None:
        self._source = source.fileno()
        self._target = target.fileno()
        self._in_kernel = sys.platform == "linux"

    def copy(self, block: memoryview, source_offset: int, target_offset: int) -> None:
        done = 0
        while done < len(block) and self._in_kernel:
            done += self._copy_in_kernel(
                len(block) - done, source_offset + done, target_offset + done
            )
        if done < len(block):
            os.lseek(self._target, target_offset + done, os.SEEK_SET)
        while done < len(block):
            done += os.write(self._target, block[done:])

    def copy_unread(self, count: int, source_offset: int, target_offset: int) -> int:
        """Up to `count` bytes; 0 at the end of the source."""
        copied = 0
        if self._in_kernel:
            copied = self._copy_in_kernel(count, source_offset, target_offset)
        if not copied:
            os.lseek(self._source, source_offset, os.SEEK_SET)
            data = memoryview(os.read(self._source, min(count, BLOCK_BYTES)))
            self.copy(data, source_offset, target_offset)
            copied = len(data)
        return copied

    def _copy_in_kernel(self, count: int, source_offset: int, target_offset: int) -> int:
        copied = 0
        if sys.platform == "linux":
            try:
                copied = os.copy_file_range(
                    self._source, self._target, count, source_offset, target_offset
                )
            except OSError as error:
                if error.errno not in NOT_HERE:
                    raise
        self._in_kernel = copied > 0
        return copied

    def start_writing(self, offset: int, count: int) -> None:
        """Bring the copied bytes to the disk from now on, not all of them at the end."""
        if sys.platform == "linux":
            os.posix_fadvise(self._target, offset, count, os.POSIX_FADV_DONTNEED)


def copy_summed(
    source: FileIO, offset: int, size: int, target: FileIO, at: int, advance: Advance
) -> Sums:
    """Copy `size` bytes from `offset` of `source` to `at` of `target`; both unbuffered.

    Returns the sums of what was read; fewer bytes are copied when the source ends early, which
    the caller sees by its size or its sums. `advance` is called with each number of bytes done.
    """
    with BlockSums() as sums:
        copy_added(source, offset, size, target, at, sums, advance)
        return sums.finish()


def copy_added(
    source: FileIO,
    offset: int,
    size: int,
    target: FileIO,
    at: int,
    sums: BlockSums,
    advance: Advance,
) -> None:
    """As `copy_summed`, adding to `sums`."""
    copier = Copier(source, target)
    source.seek(offset)
    done = 0
    while done < size and (block := sums.read_block(source, size - done)):
        copier.copy(block, offset + done, at + done)
        done += len(block)
        advance(len(block))


def copy_unread(
    source: FileIO, offset: int, size: int, target: FileIO, at: int, advance: Advance
) -> None:
    """Copy without sums: where the kernel can do it, no byte passes through this program. Fewer
    bytes are copied when the source ends early."""
    copier = Copier(source, target)
    done = 0
    while done < size:
        count = copier.copy_unread(min(size - done, UNREAD_BYTES), offset + done, at + done)
        if not count:
            return
        copier.start_writing(at + done, count)
        done += count
        advance(count)
