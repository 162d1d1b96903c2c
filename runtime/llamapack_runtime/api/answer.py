"""One answer of the engine, seen from the event loop: the events of its choices and their end.

Each choice is a request of its own to the engine. Knows nothing of any dialect.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import TYPE_CHECKING

from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.mailbox import Mailbox
from llamapack_runtime.api.measures import AnswerWatch, Measures
from llamapack_runtime.engine.types import Event, Failed, Finished, Queued, Request, TextDelta

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session

# Of events, for each choice: more than there are while the client reads. A client this far behind
# is given up, so that nobody can fill the memory by not reading.
MAX_BACKLOG = 16384

_TOO_SLOW = Failed("The client reads too slowly; its answer was given up.", 503, "too_slow")


@dataclass(frozen=True, slots=True)
class ChoiceEvent:
    """`choice` counts from 0."""

    choice: int
    event: Event


@dataclass(frozen=True, slots=True)
class WholeChoice:
    text: str
    end: Finished


@dataclass(frozen=True, slots=True)
class _Arrival:
    """`at_s`: the time.perf_counter() at which the engine said it."""

    choice: int
    event: Event
    at_s: float


class Answer:
    """Submits on `begin`. What has not ended is aborted by `close`, which may be called twice: all
    choices end with the client, and with the first of them that fails. Used on one event loop."""

    def __init__(self, session: Session, requests: Sequence[Request], measures: Measures) -> None:
        self._session = session
        self._requests = tuple(requests)
        self._mailbox: Mailbox[_Arrival] = Mailbox()
        started_s = time.perf_counter()
        self._watches = [AnswerWatch(measures, started_s) for _ in requests]
        self._running = set(range(len(requests)))
        self._error: ApiError | None = None
        self._is_given_up = False

    @property
    def choices(self) -> range:
        return range(len(self._requests))

    async def begin(self, timeout_s: float | None = None) -> list[ChoiceEvent]:
        """Submit, and what happens first. A choice that has to wait is told so at once, and so is
        one that may not: that none was refused is known when all were heard, or one has run."""
        for choice, request in enumerate(self._requests):
            self._session.submit(request, partial(self._emit, choice))
        events = await self.next(timeout_s)
        while len(events) < len(self._requests) and _all_wait(events):
            more = await self.next(timeout_s)
            if not more:
                break
            events += more
        return events

    def close(self) -> None:
        now_s = time.perf_counter()
        for choice in sorted(self._running):
            self._watches[choice].end("aborted", now_s)
            self._session.abort(self._requests[choice].request_id)
        self._running.clear()

    async def next(self, timeout_s: float | None = None) -> list[ChoiceEvent]:
        """What happened since the last call, or what happens first, in order for each choice; []
        when nothing does within `timeout_s`. Text that came in a row is one delta. ApiError, after
        the events before it, when the engine could not finish."""
        if self._error is not None:
            raise self._error
        arrived = await self._mailbox.take(timeout_s)
        events = _joined(self._before_error(arrived))
        if self._error is not None and not events:
            raise self._error
        return events

    async def whole(self) -> list[WholeChoice]:
        """All text at once. ApiError when the engine could not finish."""
        texts: list[list[str]] = [[] for _ in self._requests]
        ends: dict[int, Finished] = {}
        events = await self.begin()
        while True:
            for choice, event in ((one.choice, one.event) for one in events):
                if isinstance(event, TextDelta):
                    texts[choice].append(event.text)
                if isinstance(event, Finished):
                    ends[choice] = event
            if len(ends) == len(self._requests):
                return [WholeChoice("".join(texts[i]), ends[i]) for i in self.choices]
            events = await self.next()

    def _emit(self, choice: int, event: Event) -> None:
        """On the engine's thread."""
        if self._is_given_up:
            return
        at_s = time.perf_counter()
        if len(self._mailbox) < MAX_BACKLOG * len(self._requests):
            self._mailbox.put(_Arrival(choice, event, at_s))
            return
        self._is_given_up = True
        self._mailbox.put(_Arrival(choice, _TOO_SLOW, at_s))
        for request in self._requests:
            self._session.abort(request.request_id)

    def _before_error(self, arrived: Iterable[_Arrival]) -> Iterator[ChoiceEvent]:
        for arrival in arrived:
            choice, event = arrival.choice, arrival.event
            self._watches[choice].see(event, arrival.at_s)
            if isinstance(event, Finished | Failed):
                self._running.discard(choice)
            self._error = _error_of(event)
            if self._error is not None:
                self.close()
                return
            yield ChoiceEvent(choice, event)


def _all_wait(events: Sequence[ChoiceEvent]) -> bool:
    return all(isinstance(one.event, Queued) for one in events)


def _error_of(event: Event) -> ApiError | None:
    if isinstance(event, Failed):
        return ApiError.from_failure(event)
    if isinstance(event, Finished) and event.reason == "aborted":
        # Cut off from outside: an error, not an answer.
        return ApiError(503, "The answer was cut off: the program is stopping.", "aborted")
    return None


def _joined(events: Iterable[ChoiceEvent]) -> list[ChoiceEvent]:
    """Each frame costs more than its text, so deltas of a choice that wait together become one."""
    by_choice: dict[int, list[Event]] = {}
    for one in events:
        by_choice.setdefault(one.choice, []).append(one.event)
    return [
        ChoiceEvent(choice, event)
        for choice, its_events in by_choice.items()
        for event in _joined_text(its_events)
    ]


def _joined_text(events: Iterable[Event]) -> Iterator[Event]:
    for is_text, run in groupby(events, lambda event: isinstance(event, TextDelta)):
        if not is_text:
            yield from run
            continue
        deltas = [event for event in run if isinstance(event, TextDelta)]
        yield TextDelta("".join(delta.text for delta in deltas), deltas[-1].completion_tokens)
