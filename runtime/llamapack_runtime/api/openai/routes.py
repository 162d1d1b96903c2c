"""OpenAI's routes: chat and completion; models and responses have files of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.answer import Answer, WholeChoice
from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.errors import BadRequest, json_response
from llamapack_runtime.api.neutral import without_neutral
from llamapack_runtime.api.openai import models
from llamapack_runtime.api.openai.chat import is_legacy, n_probs_of, to_chat
from llamapack_runtime.api.openai.logprobs import mean_logprob
from llamapack_runtime.api.openai.prompts import text_of, to_prompts
from llamapack_runtime.api.openai.rendering import ChunkStream
from llamapack_runtime.api.openai.replies import Reply
from llamapack_runtime.api.openai.requests import (
    CHAT_NEUTRAL,
    COMPLETION_NEUTRAL,
    ChatRequest,
    CompletionRequest,
)
from llamapack_runtime.api.openai.responses import routes as responses
from llamapack_runtime.api.openai.shapes import ChatShape, CompletionShape, Shape
from llamapack_runtime.api.parameters import Parameters
from llamapack_runtime.api.preparing import prepare
from llamapack_runtime.api.ready import card_of, defaults_of, service_of, session_of
from llamapack_runtime.api.running import run_streamed, run_whole
from llamapack_runtime.api.sse import EventStream
from llamapack_runtime.api.translation import to_wish
from llamapack_runtime.api.wish import Wish, to_requests
from llamapack_runtime.chat.parts import PlainParser
from llamapack_runtime.chat.prompt import Prompt

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session


async def chat_completions(http: HttpRequest) -> Response:
    session = session_of(http)
    body = without_neutral(await read_object(http), CHAT_NEUTRAL)
    request = to_struct(body, ChatRequest)
    _check_stream(request)
    n_probs = n_probs_of(request)
    prompt, wish = await prepare(http, _chat_prompt, http, session, request, n_probs)
    shape = ChatShape(
        has_logprobs=n_probs is not None,
        has_tokens=bool(request.return_tokens),
        has_functions=is_legacy(request),
    )
    return await _answer(http, session, request, [prompt], wish, shape)


async def completions(http: HttpRequest) -> Response:
    session = session_of(http)
    body = without_neutral(await read_object(http), COMPLETION_NEUTRAL)
    request = to_struct(body, CompletionRequest)
    _check_stream(request)
    _check_number(request)
    n_probs = _completion_probs(request)
    work = prepare(http, _completion_prompts, http, session, request, n_probs)
    prompts, texts, wish = await work
    shape = CompletionShape(
        prompts=[text for text in texts for _ in range(wish.n)],
        n_top=n_probs,
        has_tokens=bool(request.return_tokens),
    )
    if (request.best_of or 1) > wish.n:
        return await _best_answer(http, session, request, prompts, wish, shape)
    return await _answer(http, session, request, prompts, wish, shape)


def _chat_prompt(
    http: HttpRequest, session: Session, request: ChatRequest, n_probs: int | None
) -> tuple[Prompt, Wish]:
    """Blocking."""
    wish = to_wish(request, defaults_of(http), n_probs, session.vocabulary)
    prompt = session.prepare(to_chat(request))
    if request.reasoning_format == "none":
        prompt = _unparsed(prompt, request)
    return prompt, wish


def _completion_prompts(
    http: HttpRequest, session: Session, request: CompletionRequest, n_probs: int | None
) -> tuple[list[Prompt], list[str], Wish]:
    """And the texts that `echo` repeats. Blocking."""
    wish = to_wish(request, defaults_of(http), n_probs, session.vocabulary)
    prompts = to_prompts(session, request)
    texts = [text_of(session, one) for one in prompts] if request.echo else []
    return prompts, texts, wish


async def _answer(
    http: HttpRequest,
    session: Session,
    request: Parameters,
    prompts: Sequence[Prompt],
    wish: Wish,
    shape: Shape,
) -> Response:
    reply = _reply(http, shape, wish.n)
    answer = _run(http, session, prompts, wish, reply)
    if request.stream:
        counts = [len(prompt.tokens) for prompt in prompts for _ in range(wish.n)]
        rendering = ChunkStream(reply, request, counts)
        return EventStream(await run_streamed(http, answer, rendering))
    return json_response(reply.whole(await run_whole(http, answer)))


async def _best_answer(
    http: HttpRequest,
    session: Session,
    request: CompletionRequest,
    prompts: Sequence[Prompt],
    wish: Wish,
    shape: Shape,
) -> Response:
    """`best_of` answers, of which the `n` likeliest are shown."""
    n, best_of = wish.n, request.best_of or 1
    if request.stream:
        message = "'best_of' above 'n' compares whole answers; it cannot be streamed."
        raise BadRequest(message, "best_of")
    wish = replace(wish, n=best_of, n_probs=wish.n_probs or 0)
    reply = _reply(http, shape, best_of)
    choices = await run_whole(http, _run(http, session, prompts, wish, reply))
    starts = range(0, len(choices), best_of)
    kept = [one for start in starts for one in _likeliest(choices, start, best_of)[:n]]
    return json_response(reply.whole(choices, kept))


def _likeliest(choices: Sequence[WholeChoice], start: int, count: int) -> list[int]:
    indices = range(start, start + count)
    return sorted(indices, key=lambda index: -mean_logprob(choices[index].tokens))


def _reply(http: HttpRequest, shape: Shape, n: int) -> Reply:
    about = service_of(http).about
    return Reply(shape, card_of(http).id, f"llamapack-{about.llamapack_version}", n)


def _run(
    http: HttpRequest, session: Session, prompts: Sequence[Prompt], wish: Wish, reply: Reply
) -> Answer:
    requests = to_requests(wish, prompts, reply.reply_id)
    return Answer(session, requests, service_of(http).measures, prompts[0].parser)


def _unparsed(prompt: Prompt, request: ChatRequest) -> Prompt:
    """The text as the model writes it, reasoning and its marks included."""
    if request.tools or request.functions:
        message = "'reasoning_format' none cannot be had with tools."
        raise BadRequest(message, "reasoning_format")
    return replace(prompt, parser=PlainParser)


def _completion_probs(request: CompletionRequest) -> int | None:
    """The number of other candidates for each token, None when no probabilities are wanted."""
    asked = request.logprobs
    if asked is None or asked is False:
        n_probs = request.n_probs or None
    else:
        n_probs = 0 if asked is True else asked
    if n_probs is not None and request.echo:
        message = "'logprobs' with 'echo': the prompt's own probabilities are not computed."
        raise BadRequest(message, "logprobs", "unsupported_parameter")
    return n_probs


def _check_stream(request: Parameters) -> None:
    if request.stream_options is not None and not request.stream:
        message = "'stream_options' is only there with 'stream': true."
        raise BadRequest(message, "stream_options")


def _check_number(request: CompletionRequest) -> None:
    if request.best_of is not None and request.best_of < request.choices:
        raise BadRequest("'best_of' must not be less than 'n'.", "best_of")


ROUTES = [
    Route("/v1/chat/completions", chat_completions, methods=["POST"]),
    Route("/v1/completions", completions, methods=["POST"]),
    *models.ROUTES,
    *responses.ROUTES,
]
