"""Anthropic's routes: a message, and the count of its tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.answer import Answer
from llamapack_runtime.api.anthropic.chats import to_chat
from llamapack_runtime.api.anthropic.errors import new_request_id
from llamapack_runtime.api.anthropic.rendering import BlockStream
from llamapack_runtime.api.anthropic.replies import Reply
from llamapack_runtime.api.anthropic.requests import (
    CountRequest,
    MessageRequest,
    check_tool_types,
)
from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.errors import json_response
from llamapack_runtime.api.preparing import prepare
from llamapack_runtime.api.ready import card_of, defaults_of, service_of, session_of
from llamapack_runtime.api.running import run_streamed, run_whole
from llamapack_runtime.api.sse import EventStream
from llamapack_runtime.api.translation import to_stop, to_wish
from llamapack_runtime.chat.prompt import Prompt

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session


async def messages(http: HttpRequest) -> Response:
    session, service = session_of(http), service_of(http)
    body = await read_object(http)
    check_tool_types(body)
    request = to_struct(body, MessageRequest)
    stop = to_stop(request.stop_sequences, "stop_sequences")
    wish = to_wish(request.parameters, defaults_of(http))
    prompt = await prepare(http, _prompt, session, request)
    reply = Reply(card_of(http).id, stop, request.omits_thinking)
    requests = wish.requests(prompt, reply.reply_id)
    answer = Answer(session, requests, service.measures, prompt.parser)
    request_id = new_request_id()
    if request.stream:
        rendering = BlockStream(reply, request_id, len(prompt.tokens))
        response: Response = EventStream(await run_streamed(http, answer, rendering))
    else:
        (choice,) = await run_whole(http, answer)
        response = json_response(reply.whole(choice))
    response.headers["request-id"] = request_id
    return response


async def count_tokens(http: HttpRequest) -> Response:
    session = session_of(http)
    body = await read_object(http)
    check_tool_types(body)
    prompt = await prepare(http, _prompt, session, to_struct(body, CountRequest))
    headers = {"request-id": new_request_id()}
    return json_response({"input_tokens": len(prompt.tokens)}, 200, headers)


def _prompt(session: Session, request: CountRequest) -> Prompt:
    """Blocking."""
    return session.prepare(to_chat(request))


ROUTES = [
    Route("/v1/messages", messages, methods=["POST"]),
    Route("/v1/messages/count_tokens", count_tokens, methods=["POST"]),
]
