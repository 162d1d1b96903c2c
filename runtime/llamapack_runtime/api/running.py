"""Runs an answer for a client that may leave at any time, whole or as a stream of bytes that the
dialect composes."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Mapping
from typing import Protocol

from starlette.requests import Request as HttpRequest

from llamapack_runtime.api.answer import Answer, ChoiceEvent, Ended, WholeChoice
from llamapack_runtime.api.connection import while_connected
from llamapack_runtime.api.errors import ApiError


class Rendering(Protocol):
    """How a dialect puts a stream into bytes; b"" where it has nothing to say. One for each
    answer: it may keep state."""

    # What goes out when there was nothing to say for a while.
    keep_alive: bytes

    def opening(self, choices: range) -> bytes: ...

    def event(self, one: ChoiceEvent) -> bytes: ...

    def closing(self, ends: Mapping[int, Ended]) -> bytes:
        """After the last choice."""

    def error(self, error: ApiError) -> bytes:
        """Instead of what would have followed."""


async def run_whole(http: HttpRequest, answer: Answer) -> list[WholeChoice]:
    """ApiError when the engine refuses, fails or takes too long, ClientGone when the client
    leaves."""
    try:
        async with asyncio.timeout(http.app.state.timeout_s):
            return await while_connected(http.receive, answer.whole())
    except TimeoutError:
        raise _took_too_long() from None
    finally:
        answer.close()


async def run_streamed(
    http: HttpRequest, answer: Answer, rendering: Rendering
) -> AsyncGenerator[bytes, None]:
    """The stream begins with the engine's first event, so that a refusal is still a plain error
    (ApiError from here); or when there is none for a while, so that the client sees that it is
    heard."""
    silence_s: float = http.app.state.keep_alive_s
    until = time.monotonic() + (http.app.state.timeout_s or math.inf)
    try:
        first = await while_connected(http.receive, answer.begin(silence_s))
    except BaseException:
        answer.close()
        raise
    return _bytes(answer, first, rendering, silence_s, until)


async def _bytes(
    answer: Answer,
    first: list[ChoiceEvent],
    rendering: Rendering,
    silence_s: float,
    until: float,
) -> AsyncGenerator[bytes, None]:
    """Closes the answer however it is left."""
    ends: dict[int, Ended] = {}
    events, silent_since = first, time.monotonic()
    data = rendering.opening(answer.choices)
    try:
        while True:
            data += b"".join(map(rendering.event, events))
            if not data and (not events or _has_passed(silent_since, silence_s)):
                data = rendering.keep_alive
            if data:
                yield data
                silent_since = time.monotonic()
            ends |= {one.choice: one.event for one in events if isinstance(one.event, Ended)}
            if len(ends) == len(answer.choices):
                break
            left_s = until - time.monotonic()
            if left_s <= 0:
                raise _took_too_long()
            data, events = b"", await answer.next(min(silence_s, left_s))
        closing = rendering.closing(ends)
        if closing:
            yield closing
    except ApiError as error:
        yield rendering.error(error)
    finally:
        answer.close()


def _took_too_long() -> ApiError:
    message = "The answer took longer than this program's --timeout; ask for less."
    return ApiError(504, message, "timeout")


def _has_passed(since: float, duration_s: float) -> bool:
    return time.monotonic() - since >= duration_s
