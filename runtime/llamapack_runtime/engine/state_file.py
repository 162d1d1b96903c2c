"""One saved state as a file: the tokens it belongs to, then llama.cpp's bytes.

Knows nothing of folders. Whatever a file says is checked before it is believed."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import struct
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from typing import Self

Data = bytes | bytearray | memoryview

MAX_TOKENS = 1 << 20  # of one state; 4 MiB of head
DIGEST_BYTES = 32
_MAGIC = b"LPSTATE\n"
_VERSION = 1
# All numbers are little-endian.
#
# offset  bytes  field
#      0      8  magic
#      8      4  version
#     12      4  n, the number of tokens
#     16     32  fingerprint: of everything that the data depends on besides the tokens
#     48      8  size of the data
#     56     32  digest of the data
#     88    4*n  tokens
# 88+4*n     32  digest of all bytes before it
#   ...          data, up to the end of the file
_FIELDS = struct.Struct("<8sII32sQ32s")


@dataclass(frozen=True, slots=True)
class StateRange:
    """A state inside a larger file: `size` bytes at `offset`."""

    path: Path
    offset: int
    size: int


@dataclass(frozen=True, slots=True)
class StateHead:
    """Everything but the data. `fingerprint` and `data_digest` have DIGEST_BYTES."""

    fingerprint: bytes
    tokens: tuple[int, ...]
    data_bytes: int
    data_digest: bytes

    @property
    def file_bytes(self) -> int:
        return file_bytes(len(self.tokens), self.data_bytes)

    @classmethod
    def of(cls, fingerprint: bytes, tokens: tuple[int, ...], data: Data) -> Self:
        return cls(fingerprint, tokens, memoryview(data).nbytes, digest(data))

    def to_bytes(self) -> bytes:
        fields = _FIELDS.pack(
            _MAGIC, _VERSION, len(self.tokens), self.fingerprint, self.data_bytes, self.data_digest
        )
        head = fields + token_bytes(self.tokens)
        return head + digest(head)


def digest(data: Data) -> bytes:
    """BLAKE2b: of the sound ones, the fastest that Python has on every processor."""
    return hashlib.blake2b(data, digest_size=DIGEST_BYTES).digest()


def file_bytes(n_tokens: int, data_bytes: int) -> int:
    return _FIELDS.size + 4 * n_tokens + DIGEST_BYTES + data_bytes


def token_bytes(tokens: tuple[int, ...]) -> bytes:
    return struct.pack(f"<{len(tokens)}i", *tokens)


def open_state(path: Path) -> FileIO:
    """Open for reading. OSError also for what is no plain file, or one that others can write."""
    # A pipe by that name must not hold us up, hence O_NONBLOCK.
    flags = os.O_RDONLY
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_BINARY"):
        flags |= getattr(os, name, 0)
    descriptor = os.open(path, flags)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and is_private(status):
        return FileIO(descriptor, "r")
    os.close(descriptor)
    raise PermissionError(errno.EPERM, "it is not a plain file of this user alone", str(path))


def read_head(file: FileIO, size: int | None = None) -> StateHead | None:
    """From where the file stands. None when it is damaged, or the state has not the `size` in bytes
    (None: that of the whole file) that the head gives. OSError."""
    fields = file.read(_FIELDS.size)
    if len(fields) != _FIELDS.size:
        return None
    magic, version, n_tokens, fingerprint, data_bytes, data_digest = _FIELDS.unpack(fields)
    if (magic, version) != (_MAGIC, _VERSION) or n_tokens > MAX_TOKENS:
        return None
    whole = os.fstat(file.fileno()).st_size if size is None else size
    if whole != file_bytes(n_tokens, data_bytes):
        return None
    tokens = _read_exactly(file, 4 * n_tokens)
    head_digest = _read_exactly(file, DIGEST_BYTES)
    if tokens is None or head_digest is None or digest(fields + tokens) != head_digest:
        return None
    numbers = struct.unpack(f"<{n_tokens}i", tokens)
    return StateHead(fingerprint, numbers, data_bytes, data_digest)


def read_data(file: FileIO, head: StateHead) -> bytearray | None:
    """What follows the head, None when it is damaged. `head.data_bytes` of memory. OSError."""
    data = _read_exactly(file, head.data_bytes)
    return data if data is not None and digest(data) == head.data_digest else None


def head_in(place: StateRange) -> StateHead | None:
    """None when it is damaged or cannot be read. Unlike a file of states, the one around it may be
    anybody's: it is the program itself that runs."""
    try:
        with FileIO(place.path, "r") as file:
            file.seek(place.offset)
            return read_head(file, place.size)
    except OSError:
        return None


def data_in(place: StateRange, fingerprint: bytes, tokens: tuple[int, ...]) -> bytearray | None:
    """None when it is damaged, gone, or that of something else."""
    try:
        with FileIO(place.path, "r") as file:
            file.seek(place.offset)
            head = read_head(file, place.size)
            if head is None or (head.fingerprint, head.tokens) != (fingerprint, tokens):
                return None
            return read_data(file, head)
    except OSError:
        return None


def parts_of(head: StateHead, data: Data, part_bytes: int) -> Iterator[Data]:
    """The file's bytes in parts of at most `part_bytes`, after the head."""
    yield head.to_bytes()
    view = memoryview(data).cast("B")
    for begin in range(0, len(view), part_bytes):
        yield view[begin : begin + part_bytes]


def _read_exactly(file: FileIO, count: int) -> bytearray | None:
    """None at an early end. Sizes were checked: `count` is bounded, or the file is that long."""
    data = bytearray(count)
    view, done = memoryview(data), 0
    while done < count:
        n_read = file.readinto(view[done:])
        if not n_read:
            return None
        done += n_read
    return data


if sys.platform == "win32":

    def is_private(_status: os.stat_result) -> bool:
        return True  # by the rights of the user's own folder

else:

    def is_private(status: os.stat_result) -> bool:
        """Whether it is this user's, and nobody else can write it."""
        return status.st_uid == os.geteuid() and not status.st_mode & 0o022
