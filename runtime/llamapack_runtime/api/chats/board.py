"""Tells open tabs what happens to the chats, as server-sent events. Belongs to one event loop."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable

from llamapack_runtime.api.sse import KEEP_ALIVE, named_frame

# Of events that a tab has not taken. One this far behind is let go; it comes back by itself and
# asks for the chat anew.
MAX_BACKLOG = 4096


class Tab:
    """One listener; `chat` is the id of the chat that it shows, if it shows one."""

    def __init__(self, chat: str | None) -> None:
        self.chat = chat
        self._events: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(self, data: bytes) -> bool:
        """Whether the tab keeps up."""
        if self._events.qsize() < MAX_BACKLOG:
            self._events.put_nowait(data)
            return True
        self.end()
        return False

    def end(self) -> None:
        self._events.put_nowait(None)

    async def take(self, timeout_s: float) -> bytes | None:
        """What has piled up, or a comment when there is nothing for so long; None at the end."""
        try:
            async with asyncio.timeout(timeout_s):
                data = await self._events.get()
        except TimeoutError:
            return KEEP_ALIVE
        if data is None:
            return None
        found = [data]
        while not self._events.empty():
            more = self._events.get_nowait()
            if more is None:
                self.end()  # after what was told before it
                break
            found.append(more)
        return b"".join(found)


class Board:
    """All tabs."""

    def __init__(self) -> None:
        self._tabs: set[Tab] = set()

    def tell(self, name: str, data: object, chat: str | None = None) -> None:
        """To all tabs, or to those that show this chat."""
        told = [tab for tab in self._tabs if chat is None or tab.chat == chat]
        if told:
            frame = named_frame(name, data)
            self._tabs.difference_update([tab for tab in told if not tab.put(frame)])

    async def listen(
        self, chat: str | None, opening: Callable[[], Iterable[bytes]], silence_s: float
    ) -> AsyncGenerator[bytes, None]:
        """What a tab is sent: the opening, made when it begins to be sent, and whatever is told
        from then on."""
        tab = Tab(chat)
        self._tabs.add(tab)
        try:
            yield b"".join(opening())
            while (data := await tab.take(silence_s)) is not None:
                yield data
        finally:
            self._tabs.discard(tab)

    def close(self) -> None:
        """End all streams."""
        for tab in self._tabs:
            tab.end()
        self._tabs.clear()
