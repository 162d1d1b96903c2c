"""Ollama's routes: chat, generate, what is asked about models, and what a pack does not do."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from msgspec import structs
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.answer import Answer
from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.errors import ApiError, BadRequest, UnsupportedParameter, json_response
from llamapack_runtime.api.llamacpp.infill import Gap, infill_prompt
from llamapack_runtime.api.ollama.embed import embed_prompt, embed_texts
from llamapack_runtime.api.ollama.keep_alive import check_keep_alive
from llamapack_runtime.api.ollama.messages import (
    continues_last,
    to_images,
    to_messages,
    with_marks,
)
from llamapack_runtime.api.ollama.models import own_name, running, show, tags, version
from llamapack_runtime.api.ollama.options import Options, to_parameters
from llamapack_runtime.api.ollama.rendering import LineResponse, LineStream, whole_reply
from llamapack_runtime.api.ollama.replies import Reply
from llamapack_runtime.api.ollama.requests import (
    AnswerRequest,
    ChatRequest,
    GenerateRequest,
    to_format,
    to_n_probs,
    to_thinking,
    to_tools,
)
from llamapack_runtime.api.preparing import prepare
from llamapack_runtime.api.ready import card_of, defaults_of, service_of, session_of
from llamapack_runtime.api.running import run_streamed, run_whole
from llamapack_runtime.api.translation import to_wish
from llamapack_runtime.chat.prompt import Prompt
from llamapack_runtime.chat.types import Chat, Message

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session

Asked = TypeVar("Asked", bound=AnswerRequest)


async def chat(http: HttpRequest) -> Response:
    request = await _read(http, ChatRequest)
    reply = Reply(_name(http, request), is_chat=True)
    if not request.messages:
        return _without_answer(http, reply, request)
    session = session_of(http)
    prompt = await prepare(http, _chat_prompt, session, request)
    return await _answer(http, session, request, prompt, reply)


async def generate(http: HttpRequest) -> Response:
    request = await _read(http, GenerateRequest)
    reply = Reply(_name(http, request), is_chat=False)
    if not request.prompt:
        return _without_answer(http, reply, request)
    session = session_of(http)
    _check_generate(request)
    prompt = await prepare(http, _prompt, session, request)
    if not (request.raw or request.suffix or prompt.media):
        reply = replace(reply, prompt_tokens=prompt.tokens)
    return await _answer(http, session, request, prompt, reply)


async def _read(http: HttpRequest, kind: type[Asked]) -> Asked:
    request = to_struct(await read_object(http), kind)
    check_keep_alive(request.keep_alive)
    return request


def _check_generate(request: GenerateRequest) -> None:
    """BadRequest for what cannot be had, or not together."""
    if request.template:
        raise UnsupportedParameter("template")
    for mode in ("raw", "suffix"):
        for name in ("system", "context", "format", "think", "images"):
            if getattr(request, mode) and getattr(request, name):
                message = f"'{name}' has no meaning with '{mode}'; leave one of them out."
                raise BadRequest(message, name)
    if request.raw and request.suffix:
        raise BadRequest("'suffix' has no meaning with 'raw'; leave one of them out.", "suffix")


def _chat_prompt(session: Session, request: ChatRequest) -> Prompt:
    """Blocking."""
    messages = to_messages(request.messages or ())
    question = Chat(
        messages,
        tools=to_tools(request.tools),
        format=to_format(request),
        thinking=to_thinking(request.think),
        continues_last=continues_last(messages),
    )
    return session.prepare(question)


def _prompt(session: Session, request: GenerateRequest) -> Prompt:
    text = request.prompt or ""
    if request.raw:
        return Prompt(session.text_prompt(text), text)
    if request.suffix:
        gap = Gap(text, request.suffix)
        return Prompt(infill_prompt(session.vocabulary, gap, n_ctx=session.n_ctx))
    system = [Message("system", request.system)] if request.system else []
    images = to_images(request.images, "images")
    question = Chat(
        (*system, Message("user", with_marks(images, text), images=images)),
        format=to_format(request),
        thinking=to_thinking(request.think),
    )
    return _after(request.context or (), session.prepare(question), session.text_prompt(""))


def _after(context: Sequence[int], prompt: Prompt, opening: tuple[int, ...]) -> Prompt:
    """`opening` stands at the beginning of the context already."""
    tokens = prompt.tokens
    if context and opening and tokens[: len(opening)] == opening:
        tokens = tokens[len(opening) :]
    return replace(prompt, tokens=(*context, *tokens))


def _without_answer(http: HttpRequest, reply: Reply, request: AnswerRequest) -> Response:
    if service_of(http).pool is None or not request.unloads:
        session_of(http)  # to load it is to wait for it
    return json_response(reply.without_answer("unload" if request.unloads else "load"))


def _name(http: HttpRequest, request: AnswerRequest) -> str:
    return request.model or own_name(card_of(http))


async def _answer(
    http: HttpRequest, session: Session, request: AnswerRequest, prompt: Prompt, reply: Reply
) -> Response:
    service = service_of(http)
    parameters = to_parameters(request.options or Options(), session.n_ctx)
    parameters = structs.replace(parameters, model=request.model, lora=request.lora)
    wish = to_wish(parameters, defaults_of(http), to_n_probs(request))
    requests = wish.requests(prompt, secrets.token_hex(12))
    answer = Answer(session, requests, service.measures, prompt.parser)
    if request.streams:
        return LineResponse(await run_streamed(http, answer, LineStream(reply)))
    (choice,) = await run_whole(http, answer)
    return json_response(whole_reply(reply, choice))


async def unserved(http: HttpRequest) -> Response:
    """Ollama's own work on its collection of models."""
    what = http.url.path.removeprefix("/api/").partition("/")[0]
    message = f"This program serves the models it was packed with; it has no '{what}'."
    raise ApiError(501, message, "not_supported")


ROUTES = [
    Route("/api/chat", chat, methods=["POST"]),
    Route("/api/generate", generate, methods=["POST"]),
    Route("/api/embed", embed_texts, methods=["POST"]),
    Route("/api/embeddings", embed_prompt, methods=["POST"]),
    Route("/api/tags", tags, methods=["GET"]),
    Route("/api/ps", running, methods=["GET"]),
    Route("/api/show", show, methods=["POST"]),
    Route("/api/version", version, methods=["GET"]),
    Route("/api/pull", unserved, methods=["POST"]),
    Route("/api/push", unserved, methods=["POST"]),
    Route("/api/create", unserved, methods=["POST"]),
    Route("/api/copy", unserved, methods=["POST"]),
    Route("/api/delete", unserved, methods=["DELETE"]),
    Route("/api/blobs/{digest}", unserved, methods=["GET", "POST"]),
]
