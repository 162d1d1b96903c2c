"""One request at the engine, seen from the event loop: its events, in order, and its end.

Knows nothing of any dialect.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.engine.types import Event, Failed, Finished, Request, TextDelta

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session

# More than any answer has while its client reads. A client this far behind is given up, so that
# nobody can fill the memory by not reading.
MAX_BACKLOG = 16384


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    text: str
    end: Finished


class Answer:
    """Submits on `start`. An answer that has not ended is aborted by `close`, which may be called
    twice. Used on one event loop."""

    def __init__(self, session: Session, request: Request) -> None:
        self.request = request
        self._session = session
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._has_ended = False

    def start(self) -> None:
        self._session.submit(self.request, self._emit)

    def close(self) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._session.abort(self.request.request_id)

    async def next(self, timeout_s: float | None = None) -> Event | None:
        """The next event, or None when there is none within `timeout_s`."""
        # Not wait_for: before Python 3.12 it can lose a cancellation when an event arrives at the
        # same moment (https://github.com/python/cpython/issues/86296), and then runs for ever.
        try:
            async with asyncio.timeout(timeout_s):
                return await self._events.get()
        except TimeoutError:
            return None

    async def whole(self) -> WholeAnswer:
        """All text at once. ApiError when the engine could not finish."""
        parts: list[str] = []
        while True:
            event = await self.next()
            match event:
                case TextDelta(text):
                    parts.append(text)
                case Finished():
                    return WholeAnswer("".join(parts), check_end(event))
                case Failed():
                    raise ApiError.from_failure(event)

    def _emit(self, event: Event) -> None:
        """On the engine's thread."""
        # RuntimeError: the loop is closed, the process is stopping and nobody waits for this.
        with contextlib.suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._receive, event)

    def _receive(self, event: Event) -> None:
        if self._has_ended:
            return
        if self._events.qsize() >= MAX_BACKLOG:
            self.close()
            event = Failed("The client reads too slowly; its answer was given up.", 503, "too_slow")
        self._has_ended = self._has_ended or isinstance(event, Finished | Failed)
        self._events.put_nowait(event)


def check_end(end: Finished) -> Finished:
    """An answer that was cut off from outside is an error, not an answer."""
    if end.reason == "aborted":
        raise ApiError(503, "The answer was cut off: the program is stopping.", "aborted")
    return end
