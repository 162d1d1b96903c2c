"""One request at the engine, seen from the event loop: its events, in order, and its end.

Knows nothing of any dialect.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING

from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.mailbox import Mailbox
from llamapack_runtime.api.measures import AnswerWatch, Measures
from llamapack_runtime.engine.types import Event, Failed, Finished, Request, TextDelta

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session

# More than any answer has while its client reads. A client this far behind is given up, so that
# nobody can fill the memory by not reading.
MAX_BACKLOG = 16384

_TOO_SLOW = Failed("The client reads too slowly; its answer was given up.", 503, "too_slow")

_Arrival = tuple[Event, float]  # with the time.perf_counter() at which the engine said it


@dataclass(frozen=True, slots=True)
class WholeAnswer:
    text: str
    end: Finished


class Answer:
    """Submits on `start`. An answer that has not ended is aborted by `close`, which may be called
    twice. Used on one event loop."""

    def __init__(self, session: Session, request: Request, measures: Measures) -> None:
        self.request = request
        self._session = session
        self._mailbox: Mailbox[_Arrival] = Mailbox()
        self._watch = AnswerWatch(measures, time.perf_counter())
        self._error: ApiError | None = None
        self._is_given_up = False
        self._has_ended = False

    def start(self) -> None:
        self._session.submit(self.request, self._emit)

    def close(self) -> None:
        if not self._has_ended:
            self._has_ended = True
            self._watch.end("aborted", time.perf_counter())
            self._session.abort(self.request.request_id)

    async def next(self, timeout_s: float | None = None) -> list[Event]:
        """What happened since the last call, or what happens first; [] when nothing does within
        `timeout_s`. Text that came in a row is one delta. ApiError, after the events before it,
        when the engine could not finish."""
        if self._error is not None:
            raise self._error
        arrived = await self._mailbox.take(timeout_s)
        events = list(_joined(self._before_error(arrived)))
        if self._error is not None and not events:
            raise self._error
        return events

    async def whole(self) -> WholeAnswer:
        """All text at once. ApiError when the engine could not finish."""
        parts: list[str] = []
        while True:
            for event in await self.next():
                if isinstance(event, TextDelta):
                    parts.append(event.text)
                if isinstance(event, Finished):
                    return WholeAnswer("".join(parts), event)

    def _emit(self, event: Event) -> None:
        """On the engine's thread."""
        if self._is_given_up:
            return
        if len(self._mailbox) < MAX_BACKLOG:
            self._mailbox.put((event, time.perf_counter()))
        else:
            self._is_given_up = True
            self._mailbox.put((_TOO_SLOW, time.perf_counter()))
            self._session.abort(self.request.request_id)

    def _before_error(self, arrived: Iterable[_Arrival]) -> Iterator[Event]:
        for event, at_s in arrived:
            self._watch.see(event, at_s)
            self._has_ended = self._has_ended or isinstance(event, Finished | Failed)
            self._error = _error_of(event)
            if self._error is not None:
                return
            yield event


def _error_of(event: Event) -> ApiError | None:
    if isinstance(event, Failed):
        return ApiError.from_failure(event)
    if isinstance(event, Finished) and event.reason == "aborted":
        # Cut off from outside: an error, not an answer.
        return ApiError(503, "The answer was cut off: the program is stopping.", "aborted")
    return None


def _joined(events: Iterable[Event]) -> Iterator[Event]:
    """Each frame costs more than its text, so deltas that wait together become one."""
    for is_text, run in groupby(events, lambda event: isinstance(event, TextDelta)):
        if not is_text:
            yield from run
            continue
        deltas = [event for event in run if isinstance(event, TextDelta)]
        yield TextDelta("".join(delta.text for delta in deltas), deltas[-1].completion_tokens)
