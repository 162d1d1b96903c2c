"""llama-server's own routes. They answer as it does, so that its clients run unchanged."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.answer import Answer, Runs
from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.errors import ApiError, json_response
from llamapack_runtime.api.formats import to_format
from llamapack_runtime.api.llamacpp import properties, tokenizing
from llamapack_runtime.api.llamacpp.errors import ContextExceeded
from llamapack_runtime.api.llamacpp.infill import Gap, infill_prompt
from llamapack_runtime.api.llamacpp.limits import LimitedSession, LineLimits
from llamapack_runtime.api.llamacpp.prompts import (
    prepared,
    prompts_of,
    tokens_of,
)
from llamapack_runtime.api.llamacpp.rendering import NativeStream
from llamapack_runtime.api.llamacpp.replies import NativeReply, PromptFacts
from llamapack_runtime.api.llamacpp.requests import (
    NEUTRAL,
    CompletionRequest,
    InfillRequest,
    NativeParameters,
)
from llamapack_runtime.api.llamacpp.settings import generation_settings
from llamapack_runtime.api.neutral import without_neutral
from llamapack_runtime.api.openai.routes import chat_completions
from llamapack_runtime.api.preparing import prepare
from llamapack_runtime.api.ready import card_of, defaults_of, service_of, session_of
from llamapack_runtime.api.running import run_streamed, run_whole
from llamapack_runtime.api.sse import EventStream
from llamapack_runtime.api.text_grammar import text_grammar
from llamapack_runtime.api.translation import to_max_tokens, to_wish
from llamapack_runtime.api.wish import Wish, to_requests
from llamapack_runtime.chat.prompt import Prompt

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session


async def completion(http: HttpRequest) -> Response:
    session = session_of(http)
    body = without_neutral(await read_object(http), NEUTRAL)
    request = to_struct(body, CompletionRequest)
    prompts = await prepare(http, _prompts, session, request)
    return await _answer(http, session, request, prompts)


async def infill(http: HttpRequest) -> Response:
    session = session_of(http)
    body = without_neutral(await read_object(http), NEUTRAL)
    request = to_struct(body, InfillRequest)
    limit = to_max_tokens(request, defaults_of(http))
    prompt = await prepare(http, _infill_prompt, session, request, limit)
    return await _answer(http, session, request, [prompt])


def _prompts(session: Session, request: CompletionRequest) -> list[Prompt]:
    vocabulary = session.vocabulary
    grammar = text_grammar(vocabulary, to_format(request))
    return [
        prepared(vocabulary, tokens_of(vocabulary, text, "prompt"), grammar)
        for text in prompts_of(request.prompt)
    ]


def _infill_prompt(session: Session, request: InfillRequest, limit: int | None) -> Prompt:
    extra = [(file.filename, file.text) for file in request.input_extra or ()]
    gap = Gap(request.input_prefix, request.input_suffix, request.prompt or "", extra)
    tokens = infill_prompt(session.vocabulary, gap, n_ctx=session.n_ctx, max_tokens=limit)
    grammar = text_grammar(session.vocabulary, to_format(request))
    return prepared(session.vocabulary, tokens, grammar)


async def _answer(
    http: HttpRequest, session: Session, request: NativeParameters, prompts: list[Prompt]
) -> Response:
    service, n_probs = service_of(http), request.wanted_probs
    wish = await prepare(http, to_wish, request, defaults_of(http), n_probs, session.vocabulary)
    requests = to_requests(wish, prompts, f"cmpl-{secrets.token_hex(12)}", "n_cmpl")
    lora = defaults_of(http).adapters.listed(wish.adapters)
    reply = _reply(card_of(http).id, session, request, wish, prompts, lora)
    answer = Answer(_limited(session, request), requests, service.measures)
    try:
        if not request.stream:
            return json_response(reply.whole(await run_whole(http, answer)))
        rendering = NativeStream(
            reply,
            has_progress=bool(request.return_progress),
            has_timings=bool(request.timings_per_token),
        )
        return EventStream(await run_streamed(http, answer, rendering))
    except ApiError as error:
        if error.code != "context_length_exceeded":
            raise
        longest = max(len(prompt.tokens) for prompt in prompts)
        raise ContextExceeded(str(error), longest, session.n_ctx) from None


def _reply(
    model: str,
    session: Session,
    request: NativeParameters,
    wish: Wish,
    prompts: list[Prompt],
    lora: list[dict[str, Any]],
) -> NativeReply:
    settings = generation_settings(
        wish,
        grammar=request.grammar or "",
        stream=bool(request.stream),
        timings_per_token=bool(request.timings_per_token),
        lora=lora,
    )
    return NativeReply(
        model=model,
        n_ctx=session.n_ctx,
        prompts=[PromptFacts(prompt.text, len(prompt.tokens)) for prompt in prompts],
        n=wish.n,
        settings=settings,
        returns_tokens=bool(request.return_tokens),
        response_fields=request.response_fields or (),
    )


def _limited(session: Session, request: NativeParameters) -> Runs:
    limits = LineLimits((request.t_max_predict_ms or 0) / 1000, request.n_indent or 0)
    return session if limits.is_none else LimitedSession(session, limits)


ROUTES = [
    Route("/completion", completion, methods=["POST"]),
    Route("/completions", completion, methods=["POST"]),
    Route("/infill", infill, methods=["POST"]),
    Route("/chat/completions", chat_completions, methods=["POST"]),
    *tokenizing.ROUTES,
    *properties.ROUTES,
]
