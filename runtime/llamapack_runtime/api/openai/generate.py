"""Runs one request and answers it, streamed or whole. The same for chat and completion."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from llamapack_runtime.api.answer import Answer, check_end
from llamapack_runtime.api.connection import while_connected
from llamapack_runtime.api.errors import ApiError, json_response
from llamapack_runtime.api.openai.replies import Reply
from llamapack_runtime.api.sse import DONE, KEEP_ALIVE, EventStream, frame
from llamapack_runtime.engine.types import Event, Failed, Finished, Request, TextDelta

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session


async def answer_whole(
    http: HttpRequest, session: Session, request: Request, reply: Reply
) -> Response:
    answer = Answer(session, request)
    try:
        answer.start()
        return json_response(reply.whole(await while_connected(http.receive, answer.whole())))
    finally:
        answer.close()


async def answer_streamed(
    http: HttpRequest, session: Session, request: Request, reply: Reply, *, has_usage: bool
) -> Response:
    """The stream begins with the engine's first event, so that a refusal is still a plain error;
    or when there is none for a while, so that the client sees that it is heard."""
    keep_alive_s: float = http.app.state.keep_alive_s
    answer = Answer(session, request)
    try:
        answer.start()
        first = await while_connected(http.receive, answer.next(keep_alive_s))
        if isinstance(first, Failed):
            raise ApiError.from_failure(first)
    except BaseException:
        answer.close()
        raise
    return EventStream(_frames(answer, first, reply, keep_alive_s, has_usage=has_usage))


async def _frames(
    answer: Answer, first: Event | None, reply: Reply, keep_alive_s: float, *, has_usage: bool
) -> AsyncGenerator[bytes, None]:
    """Closes the answer however it is left. A comment goes out after `keep_alive_s` in silence."""
    try:
        opening = reply.opening()
        if opening is not None:
            yield frame(opening)
        event, silent_since = first, time.monotonic()
        while not isinstance(event, Finished | Failed):
            data = _frame_of(event, reply, has_been_silent=_has_passed(silent_since, keep_alive_s))
            if data:
                yield data
                silent_since = time.monotonic()
            event = await answer.next(keep_alive_s)
        for data in _ending(event, reply, has_usage=has_usage):
            yield data
    finally:
        answer.close()


def _has_passed(since: float, duration_s: float) -> bool:
    return time.monotonic() - since >= duration_s


def _frame_of(event: Event | None, reply: Reply, *, has_been_silent: bool) -> bytes:
    """Bytes for what happened while the answer goes on; none where there is nothing to say."""
    if isinstance(event, TextDelta) and event.text:
        return frame(reply.text(event.text))
    return KEEP_ALIVE if event is None or has_been_silent else b""


def _ending(end: Finished | Failed, reply: Reply, *, has_usage: bool) -> list[bytes]:
    try:
        if isinstance(end, Failed):
            raise ApiError.from_failure(end)
        check_end(end)
    except ApiError as error:
        return [frame(error.as_dict())]
    usage = [frame(reply.usage(end))] if has_usage else []
    return [frame(reply.closing(end)), *usage, DONE]
