"""SHA-256 and CRC-32 of a stream of blocks, each on a thread of its own. Knows nothing of packs."""

from __future__ import annotations

import hashlib
import zlib
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import FileIO
from types import TracebackType
from typing import Self

BLOCK_BYTES = 8 << 20
BLOCKS_IN_FLIGHT = 6
SMALL_BYTES = 64 << 10  # a thread would take longer to begin than to sum so much


@dataclass(frozen=True, slots=True)
class Sums:
    sha256: str
    crc32: int


class BlockSums:
    """A context manager. Both sums release the GIL, so they run beside each other and beside the
    caller's copying; memory stays at BLOCKS_IN_FLIGHT blocks."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._crc32 = 0
        self._threads = (ThreadPoolExecutor(1), ThreadPoolExecutor(1))
        self._free: list[memoryview] = []
        self._pending: deque[tuple[memoryview | None, tuple[Future[None], ...]]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for thread in self._threads:
            thread.shutdown(cancel_futures=True)

    def read_block(self, file: FileIO, limit_bytes: int) -> memoryview:
        """Read the next block of `file`, add it to the sums, and return it; empty at the end.

        The block may be used until the next call.
        """
        buffer = self._buffer(min(limit_bytes, BLOCK_BYTES))
        count = file.readinto(buffer[: min(limit_bytes, BLOCK_BYTES)]) or 0
        block = buffer[:count]
        self._submit(buffer, block)
        return block

    def add(self, data: bytes) -> None:
        """As if a block of a file had these bytes."""
        self._wait_for_room()
        self._submit(None, memoryview(data))

    def finish(self) -> Sums:
        """Wait for the threads and return the sums of all blocks."""
        while self._pending:
            self._retire()
        return Sums(self._sha256.hexdigest(), self._crc32)

    def _add_crc32(self, block: memoryview) -> None:
        self._crc32 = zlib.crc32(block, self._crc32)

    def _submit(self, buffer: memoryview | None, block: memoryview) -> None:
        if len(block) <= SMALL_BYTES and not self._pending:
            self._sha256.update(block)
            self._add_crc32(block)
            self._release(buffer)
            return
        tasks = (
            self._threads[0].submit(self._sha256.update, block),
            self._threads[1].submit(self._add_crc32, block),
        )
        self._pending.append((buffer, tasks))

    def _buffer(self, size: int) -> memoryview:
        """Of at least `size` bytes."""
        self._wait_for_room()
        while self._free:
            if len(found := self._free.pop()) >= size:
                return found
        return memoryview(bytearray(size))

    def _wait_for_room(self) -> None:
        if len(self._pending) == BLOCKS_IN_FLIGHT:
            self._retire()

    def _release(self, buffer: memoryview | None) -> None:
        if buffer is not None:
            self._free.append(buffer)

    def _retire(self) -> None:
        buffer, tasks = self._pending.popleft()
        for task in tasks:
            task.result()
        self._release(buffer)
