"""Reads forward through the header of a GGUF, never past its end. Knows nothing of what the fields
mean; what a header may make us keep or walk over is limited here."""

from __future__ import annotations

import struct
from typing import BinaryIO

MAX_KEPT_BYTES = 32 << 20
MAX_ARRAY_STRINGS = 1 << 22
WINDOW_BYTES = 1 << 18

U32 = struct.Struct("<I")
U64 = struct.Struct("<Q")


class GgufError(Exception):
    """The file is no GGUF that can be used. The message is one or more whole sentences."""


class Cursor:
    """Reads forward through the header, a window at a time."""

    def __init__(self, file: BinaryIO, start: int, size: int, name: str) -> None:
        self.name = name
        self.size = size
        self.kept_bytes = 0
        self.array_strings = 0
        self._file = file
        self._start = start
        self._window = b""
        self._window_at = 0  # where the window begins, from the start of the GGUF
        self._at = 0  # position in the window; may lie behind its end

    @property
    def position(self) -> int:
        return self._window_at + self._at

    def damaged(self, what: str) -> GgufError:
        return GgufError(f"{self.name} is not a valid GGUF: {what}. Download or copy it again.")

    def take(self, count: int) -> bytes:
        self._ensure(count)
        self._at += count
        return self._window[self._at - count : self._at]

    def skip(self, count: int) -> None:
        self._at += count
        if self.position > self.size:
            raise self._cut_off()

    def unpack(self, record: struct.Struct) -> tuple[int, ...]:
        return record.unpack(self.take(record.size))

    def text(self, limit_bytes: int, what: str) -> str:
        """A string that is kept. Bytes that are not UTF-8 become U+FFFD, as on screen."""
        (length,) = self.unpack(U64)
        if length > limit_bytes:
            raise self.damaged(f"{what} is {length:,} bytes long, more than {limit_bytes:,}")
        self.keep(length)
        return self.take(length).decode(errors="replace")

    def keep(self, cost_bytes: int) -> None:
        self.kept_bytes += cost_bytes
        if self.kept_bytes > MAX_KEPT_BYTES:
            raise self.damaged(f"its metadata is larger than {MAX_KEPT_BYTES:,} bytes")

    def skip_strings(self, count: int) -> None:
        """Walk over `count` strings. The hot loop: a vocabulary has up to half a million."""
        self.array_strings += count
        if self.array_strings > MAX_ARRAY_STRINGS:
            raise self.damaged(f"its lists hold more than {MAX_ARRAY_STRINGS:,} strings")
        read_length = U64.unpack_from
        while count:
            self._ensure(U64.size)
            window, at = self._window, self._at
            last = len(window) - U64.size
            done = 0
            for done in range(1, count + 1):  # noqa: B007 - read after the loop
                at += 8 + read_length(window, at)[0]
                if at > last:
                    break
            count -= done
            self._at = at
            if self.position > self.size:
                raise self._cut_off()

    def _ensure(self, count: int) -> None:
        """Make the next `count` bytes lie in the window."""
        if self._at + count <= len(self._window):
            return
        position = self.position
        if position + count > self.size:
            raise self._cut_off()
        self._file.seek(self._start + position)
        wanted = min(max(count, WINDOW_BYTES), self.size - position)
        self._window = self._file.read(wanted)
        self._window_at, self._at = position, 0
        if len(self._window) < count:
            raise self._cut_off()

    def _cut_off(self) -> GgufError:
        return GgufError(
            f"{self.name} is cut off or damaged: it has {self.size:,} bytes, and its header runs "
            "past that end. Download or copy it again."
        )
