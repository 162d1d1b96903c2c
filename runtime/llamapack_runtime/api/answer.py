"""One answer of the engine, seen from the event loop: what its choices say, and their end.

Each choice is a request of its own to the engine, and has a parser that tells words from reasoning
and tool calls. Knows nothing of any dialect.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal, Protocol

from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.mailbox import Mailbox
from llamapack_runtime.api.measures import AnswerWatch, Measures
from llamapack_runtime.chat.parts import (
    AnswerParser,
    CallArguments,
    CallBegins,
    Content,
    Part,
    PlainParser,
    Reasoning,
    joined,
)
from llamapack_runtime.chat.types import ToolCall
from llamapack_runtime.engine.types import (
    Emit,
    Event,
    Failed,
    Finished,
    PromptProgress,
    Queued,
    Request,
    SampledToken,
    TextDelta,
)

# Of events, for each choice: more than there are while the client reads. A client this far behind
# is given up, so that nobody can fill the memory by not reading.
MAX_BACKLOG = 16384

_TOO_SLOW = Failed("The client reads too slowly; its answer was given up.", 503, "too_slow")


@dataclass(frozen=True, slots=True)
class Said:
    """New parts, none where tokens came whose text is held back yet. `completion_tokens` counts
    from the beginning; `tokens` are those since the last event."""

    parts: tuple[Part, ...]
    completion_tokens: int
    tokens: tuple[SampledToken, ...] = ()


@dataclass(frozen=True, slots=True)
class Ended:
    """The last event of a choice. `reasoning_tokens` of its tokens went into reasoning."""

    finished: Finished
    called_tools: bool = False
    reasoning_tokens: int = 0

    @property
    def reason(self) -> Literal["stop", "length", "tool_calls"]:
        if self.called_tools and self.finished.reason == "stop":
            return "tool_calls"
        return "length" if self.finished.reason == "length" else "stop"


Happening = Queued | PromptProgress | Said | Ended


@dataclass(frozen=True, slots=True)
class ChoiceEvent:
    """`choice` counts from 0."""

    choice: int
    event: Happening


@dataclass(frozen=True, slots=True)
class WholeChoice:
    """`content` is "" and `reasoning` is None where there is none."""

    content: str
    reasoning: str | None
    tool_calls: tuple[ToolCall, ...]
    tokens: tuple[SampledToken, ...]
    end: Ended


@dataclass(frozen=True, slots=True)
class _Arrival:
    """`at_s`: the time.perf_counter() at which the engine said it."""

    choice: int
    event: Event
    at_s: float


class Runs(Protocol):
    """`llamapack_runtime.chat.session.Session` does."""

    def submit(self, request: Request, emit: Emit) -> None: ...

    def abort(self, request_id: str) -> None: ...


class Answer:
    """Submits on `begin`. What has not ended is aborted by `close`, which may be called twice: all
    choices end with the client, and with the first of them that fails. Used on one event loop."""

    def __init__(
        self,
        session: Runs,
        requests: Sequence[Request],
        measures: Measures,
        parser: Callable[[], AnswerParser] = PlainParser,
    ) -> None:
        self._session = session
        self._requests = tuple(requests)
        self._mailbox: Mailbox[_Arrival] = Mailbox()
        started_s = time.perf_counter()
        self._watches = [AnswerWatch(measures, started_s) for _ in requests]
        self._readers = [_Reader(parser()) for _ in requests]
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
        """All at once. ApiError when the engine could not finish."""
        collected = [_Collected() for _ in self._requests]
        events = await self.begin()
        while True:
            for one in events:
                collected[one.choice].add(one.event)
            if all(choice.end is not None for choice in collected):
                return [choice.whole() for choice in collected]
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
            for happening in self._readers[choice].read(event):
                yield ChoiceEvent(choice, happening)


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
    """Each frame costs more than its text, so what a choice says in a row becomes one event."""
    by_choice: dict[int, list[Happening]] = {}
    for one in events:
        by_choice.setdefault(one.choice, []).append(one.event)
    return [
        ChoiceEvent(choice, event)
        for choice, its_events in by_choice.items()
        for event in _joined_said(its_events)
    ]


def _joined_said(events: Iterable[Happening]) -> Iterator[Happening]:
    run: list[Said] = []
    for event in events:
        if run and not (isinstance(event, Said) and _can_follow(event, run)):
            yield _as_one(run)
            run = []
        if isinstance(event, Said):
            run.append(event)
        else:
            yield event
    if run:
        yield _as_one(run)


def _can_follow(said: Said, run: Sequence[Said]) -> bool:
    """Where probabilities are told, each goes with words of its own kind; that of a text that is
    held back, with what comes of it."""
    if not any(token.chosen for one in (run[0], said) for token in one.tokens):
        return True  # an answer tells them of all its tokens, or of none
    before = next((one.parts[-1] for one in reversed(run) if one.parts), None)
    if before is None or not said.parts:
        return before is None
    return _kind(before) is _kind(said.parts[0])


def _kind(part: Part) -> type[Part]:
    return CallBegins if isinstance(part, CallArguments) else type(part)


def _as_one(run: Sequence[Said]) -> Said:
    return Said(
        tuple(joined([part for one in run for part in one.parts])),
        run[-1].completion_tokens,
        tuple(token for one in run for token in one.tokens),
    )


class _Reader:
    """From a choice's text to its parts."""

    def __init__(self, parser: AnswerParser) -> None:
        self._parser = parser
        self._called_tools = False
        self._reasoning_tokens = 0

    def read(self, event: Event) -> Iterator[Happening]:
        match event:
            case TextDelta(text, completion_tokens, tokens):
                if self._parser.is_reasoning:
                    self._reasoning_tokens = completion_tokens
                parts = self._parser.push(text)
                if parts or tokens:
                    yield self._said(parts, completion_tokens, tokens)
            case Finished() as finished:
                if self._parser.is_reasoning:
                    self._reasoning_tokens = finished.completion_tokens
                parts = self._parser.finish(is_cut_off=finished.reason == "length")
                if parts:
                    yield self._said(parts, finished.completion_tokens, ())
                yield Ended(finished, self._called_tools, self._reasoning_tokens)
            case Queued() | PromptProgress():
                yield event

    def _said(
        self, parts: list[Part], completion_tokens: int, tokens: tuple[SampledToken, ...]
    ) -> Said:
        self._called_tools |= any(isinstance(part, CallBegins) for part in parts)
        return Said(tuple(parts), completion_tokens, tokens)


class _Collected:
    """All that one choice says."""

    def __init__(self) -> None:
        self._content: list[str] = []
        self._reasoning: list[str] = []
        self._calls: list[CallBegins] = []
        self._arguments: list[list[str]] = []
        self._tokens: list[SampledToken] = []
        self.end: Ended | None = None

    def add(self, event: Happening) -> None:
        match event:
            case Said(parts=parts, tokens=tokens):
                self._tokens += tokens
                for part in parts:
                    self._add_part(part)
            case Ended():
                self.end = event

    def whole(self) -> WholeChoice:
        assert self.end is not None, "ask when the choice has ended"
        return WholeChoice(
            content="".join(self._content),
            reasoning="".join(self._reasoning) if self._reasoning else None,
            tool_calls=tuple(
                ToolCall(call.id, call.name, "".join(pieces))
                for call, pieces in zip(self._calls, self._arguments, strict=True)
            ),
            tokens=tuple(self._tokens),
            end=self.end,
        )

    def _add_part(self, part: Part) -> None:
        match part:
            case Content(text):
                self._content.append(text)
            case Reasoning(text):
                self._reasoning.append(text)
            case CallBegins():
                self._calls.append(part)
                self._arguments.append([])
            case CallArguments(index, text):
                self._arguments[index].append(text)
