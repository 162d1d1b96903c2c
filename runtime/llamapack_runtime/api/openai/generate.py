"""Runs one request and answers it, streamed or whole. The same for chat and completion."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING

from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from llamapack_runtime.api.answer import Answer, ChoiceEvent
from llamapack_runtime.api.connection import while_connected
from llamapack_runtime.api.errors import ApiError, json_response
from llamapack_runtime.api.openai.replies import Reply
from llamapack_runtime.api.ready import service_of
from llamapack_runtime.api.sse import DONE, KEEP_ALIVE, EventStream, comment, frame
from llamapack_runtime.engine.types import Finished, Queued, Request, TextDelta

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session


async def answer_whole(
    http: HttpRequest, session: Session, requests: Sequence[Request], reply: Reply
) -> Response:
    answer = Answer(session, requests, service_of(http).measures)
    try:
        return json_response(reply.whole(await while_connected(http.receive, answer.whole())))
    finally:
        answer.close()


async def answer_streamed(
    http: HttpRequest,
    session: Session,
    requests: Sequence[Request],
    reply: Reply,
    *,
    has_usage: bool,
) -> Response:
    """The stream begins with the engine's first event, so that a refusal is still a plain error;
    or when there is none for a while, so that the client sees that it is heard."""
    keep_alive_s: float = http.app.state.keep_alive_s
    answer = Answer(session, requests, service_of(http).measures)
    try:
        first = await while_connected(http.receive, answer.begin(keep_alive_s))
    except BaseException:
        answer.close()
        raise
    return EventStream(_frames(answer, first, reply, keep_alive_s, has_usage=has_usage))


async def _frames(
    answer: Answer, first: list[ChoiceEvent], reply: Reply, keep_alive_s: float, *, has_usage: bool
) -> AsyncGenerator[bytes, None]:
    """Closes the answer however it is left. A comment goes out after `keep_alive_s` in silence."""
    ends: dict[int, Finished] = {}
    events, silent_since = first, time.monotonic()
    data = b"".join(map(frame, reply.openings(answer.choices)))
    try:
        while True:
            data += b"".join(_frame_of(one, reply) for one in events)
            if not data and (not events or _has_passed(silent_since, keep_alive_s)):
                data = KEEP_ALIVE
            if data:
                yield data
                silent_since = time.monotonic()
            ends |= {one.choice: one.event for one in events if isinstance(one.event, Finished)}
            if len(ends) == len(answer.choices):
                break
            data, events = b"", await answer.next(keep_alive_s)
        if has_usage:
            yield frame(reply.usage([*ends.values()]))
        yield DONE
    except ApiError as error:
        yield frame(error.as_dict())
    finally:
        answer.close()


def _has_passed(since: float, duration_s: float) -> bool:
    return time.monotonic() - since >= duration_s


def _frame_of(one: ChoiceEvent, reply: Reply) -> bytes:
    """Bytes for what happened; none where there is nothing to say."""
    match one.event:
        case TextDelta(text) if text:
            return frame(reply.text(one.choice, text))
        case Finished() as end:
            return frame(reply.closing(one.choice, end))
        case Queued(position):
            return comment(f"queued, {position} before you")
    return b""
