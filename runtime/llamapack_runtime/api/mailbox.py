"""From any thread to one event loop, in order; what has piled up is taken at once.

A call into the loop for each item would cost both threads more than the item, and pile up without
bound when the loop is busy: at most one is under way.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Mailbox(Generic[Item]):
    """Belongs to the event loop on which it is made, and to one reader there."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._items: deque[Item] = deque()
        self._has_items = asyncio.Event()
        self._is_calling = False

    def __len__(self) -> int:
        return len(self._items)

    def put(self, item: Item) -> None:
        """From any thread; returns at once and never raises."""
        self._items.append(item)
        if not self._is_calling:
            self._is_calling = True
            # RuntimeError: the loop is closed, the process is stopping and nobody waits for this.
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._answer_call)

    def _answer_call(self) -> None:
        # In this order: an item put before the first line finds its reader woken by the second,
        # and one put after it calls again.
        self._is_calling = False
        self._has_items.set()

    async def take(self, timeout_s: float | None = None) -> list[Item]:
        """All that is there, or the first to come; nothing if none comes within `timeout_s`."""
        # Others on the loop have their turn even if items come faster than they are taken.
        await asyncio.sleep(0)
        if not self._items:
            await self._wait(timeout_s)
        return [self._items.popleft() for _ in range(len(self._items))]

    async def _wait(self, timeout_s: float | None) -> None:
        # Not wait_for: before Python 3.12 it can lose a cancellation when an item arrives at the
        # same moment (https://github.com/python/cpython/issues/86296), and then runs for ever.
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                while not self._items:
                    self._has_items.clear()
                    await self._has_items.wait()
