"""OpenAI's responses: answers with a conversation that is kept for the client."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.answer import Answer
from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.caller import owner_of
from llamapack_runtime.api.connection import while_connected
from llamapack_runtime.api.errors import BadRequest, json_response
from llamapack_runtime.api.neutral import without_neutral
from llamapack_runtime.api.openai.responses.conversations import (
    conversation_of,
    find,
    forget,
    keep,
)
from llamapack_runtime.api.openai.responses.envelope import Envelope
from llamapack_runtime.api.openai.responses.items import Json
from llamapack_runtime.api.openai.responses.questions import prompt_of
from llamapack_runtime.api.openai.responses.rendering import ResponseStream
from llamapack_runtime.api.openai.responses.requests import NEUTRAL, ResponsesRequest
from llamapack_runtime.api.openai.tools import to_flat_tools
from llamapack_runtime.api.paging import page_limit
from llamapack_runtime.api.preparing import prepare
from llamapack_runtime.api.ready import card_of, defaults_of, service_of, session_of
from llamapack_runtime.api.running import run_streamed
from llamapack_runtime.api.sse import EventStream
from llamapack_runtime.api.translation import to_wish

if TYPE_CHECKING:  # SQLite: what the page must not wait for
    from llamapack_runtime.store.responses import StoredResponse

_MAX_LIMIT = 100


async def create(http: HttpRequest) -> Response:
    session, service, owner = session_of(http), service_of(http), owner_of(http)
    body = without_neutral(await read_object(http), NEUTRAL)
    request = to_struct(body, ResponsesRequest)
    conversation = await asyncio.to_thread(conversation_of, service, owner, request)
    n_probs, vocabulary = request.n_probs_asked, session.vocabulary
    wish = await prepare(http, to_wish, request, defaults_of(http), n_probs, vocabulary)
    prompt = await prepare(http, prompt_of, session, request, conversation.items)
    tools = to_flat_tools(request.tools)
    envelope = Envelope(request, card_of(http).id, tools, wish.sampling)
    answer = Answer(
        session,
        wish.requests(prompt, envelope.response_id),
        service.measures,
        prompt.parser,
    )
    rendering = ResponseStream(envelope)
    frames = await run_streamed(http, answer, rendering)
    if request.store is not False:
        keeping = partial(keep, service, owner, conversation=conversation)
        frames = _storing(frames, rendering, keeping)
    if request.stream:
        return EventStream(frames)
    return json_response(await _whole(http, frames, rendering))


async def retrieve(http: HttpRequest) -> Response:
    if http.query_params.get("stream") in ("true", "1"):
        raise BadRequest("A stored response cannot be streamed; leave 'stream' out.", "stream")
    stored = await _stored(http)
    return Response(stored.body, media_type="application/json")


async def delete(http: HttpRequest) -> Response:
    response_id = http.path_params["response_id"]
    await asyncio.to_thread(forget, service_of(http), owner_of(http), response_id)
    return json_response({"id": response_id, "object": "response", "deleted": True})


async def input_items(http: HttpRequest) -> Response:
    """A page of them, the newest first unless `order` is asc."""
    stored = await _stored(http)
    items: list[Json] = msgspec.json.decode(stored.input)
    if http.query_params.get("order", "desc") != "asc":
        items.reverse()
    after = http.query_params.get("after")
    if after is not None:
        ids = [item["id"] for item in items]
        items = items[ids.index(after) + 1 :] if after in ids else []
    page = items[: page_limit(http, default=20, most=_MAX_LIMIT)]
    return json_response(
        {
            "object": "list",
            "data": page,
            "first_id": page[0]["id"] if page else None,
            "last_id": page[-1]["id"] if page else None,
            "has_more": len(page) < len(items),
        }
    )


async def _stored(http: HttpRequest) -> StoredResponse:
    response_id = http.path_params["response_id"]
    return await asyncio.to_thread(find, service_of(http), owner_of(http), response_id)


async def _whole(
    http: HttpRequest, frames: AsyncGenerator[bytes, None], rendering: ResponseStream
) -> Json:
    """What the last event of the stream holds."""
    try:
        await while_connected(http.receive, _drain(frames))
    finally:
        await frames.aclose()
    if rendering.failure is not None:
        raise rendering.failure
    assert rendering.final is not None, "a stream ends or fails"
    return rendering.final


async def _drain(frames: AsyncGenerator[bytes, None]) -> None:
    async for _ in frames:
        pass


async def _storing(
    frames: AsyncGenerator[bytes, None],
    rendering: ResponseStream,
    keeping: Callable[[Json], None],
) -> AsyncGenerator[bytes, None]:
    """Before the client is told of the end, so that it can go on from there at once."""
    is_stored = False
    try:
        async for data in frames:
            if rendering.final is not None and not is_stored:
                is_stored = True
                await asyncio.to_thread(keeping, rendering.final)
            yield data
    finally:
        await frames.aclose()


ROUTES = [
    Route("/v1/responses", create, methods=["POST"]),
    Route("/v1/responses/{response_id}", retrieve, methods=["GET"]),
    Route("/v1/responses/{response_id}", delete, methods=["DELETE"]),
    Route("/v1/responses/{response_id}/input_items", input_items, methods=["GET"]),
]
