"""OpenAI's routes: chat, completion and models."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.errors import ApiError, json_response
from llamapack_runtime.api.openai.generate import answer_streamed, answer_whole
from llamapack_runtime.api.openai.messages import to_messages
from llamapack_runtime.api.openai.replies import CHAT, COMPLETION, Reply, Shape
from llamapack_runtime.api.openai.requests import (
    ChatRequest,
    CompletionRequest,
    GenerationRequest,
    max_tokens,
    one_prompt,
    sampling,
    sampling_of_choices,
    stop_strings,
)
from llamapack_runtime.api.openai.unsupported import without_unsupported
from llamapack_runtime.api.ready import service_of, session_of
from llamapack_runtime.engine.types import Request

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session

_STARTED = int(time.time())


async def chat_completions(http: HttpRequest) -> Response:
    session = session_of(http)
    request = to_struct(without_unsupported(await read_object(http)), ChatRequest)
    messages = to_messages(request.messages)
    prompt = await asyncio.to_thread(session.chat_prompt, messages)
    return await _answer(http, session, request, prompt, CHAT)


async def completions(http: HttpRequest) -> Response:
    session = session_of(http)
    request = to_struct(without_unsupported(await read_object(http)), CompletionRequest)
    prompt = await asyncio.to_thread(_text_prompt, session, request)
    return await _answer(http, session, request, prompt, COMPLETION)


def _text_prompt(session: Session, request: CompletionRequest) -> tuple[int, ...]:
    prompt = one_prompt(request.prompt)
    return session.text_prompt(prompt) if isinstance(prompt, str) else prompt


async def _answer(
    http: HttpRequest,
    session: Session,
    request: GenerationRequest,
    prompt: tuple[int, ...],
    shape: Shape,
) -> Response:
    service = service_of(http)
    about = service.about
    reply = Reply(shape, about.model.id, f"llamapack-{about.llamapack_version}")
    choices = sampling_of_choices(sampling(request, service.defaults), request.n or 1)
    wanted = [
        Request(
            request_id=f"{reply.reply_id}-{index}",
            prompt_tokens=prompt,
            sampling=one,
            max_tokens=max_tokens(request, service.defaults),
            stop=stop_strings(request),
            priority=request.priority or 0,
        )
        for index, one in enumerate(choices)
    ]
    if request.stream:
        has_usage = request.has_usage_at_end
        return await answer_streamed(http, session, wanted, reply, has_usage=has_usage)
    return await answer_whole(http, session, wanted, reply)


async def models(http: HttpRequest) -> Response:
    return json_response({"object": "list", "data": [_model(http)]})


async def model(http: HttpRequest) -> Response:
    asked, card = http.path_params["name"], _model(http)
    if asked != card["id"]:
        message = f"There is no model '{asked[:100]}'; this program serves '{card['id']}'."
        raise ApiError(404, message, "model_not_found", "model")
    return json_response(card)


def _model(http: HttpRequest) -> dict[str, object]:
    card = service_of(http).about.model
    return {
        "id": card.id,
        "object": "model",
        "created": _STARTED,
        "owned_by": "llamapack",
        "meta": {
            "n_ctx_train": card.context_length,
            "n_params": card.parameter_count,
            "size": card.size_bytes,
        },
    }


ROUTES = [
    Route("/v1/chat/completions", chat_completions, methods=["POST"]),
    Route("/v1/completions", completions, methods=["POST"]),
    Route("/v1/models", models, methods=["GET"]),
    Route("/v1/models/{name:path}", model, methods=["GET"]),
]
