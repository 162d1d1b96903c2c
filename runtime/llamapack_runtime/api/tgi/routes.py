"""Text-generation-inference's routes: its clients continue plain texts."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.answer import Answer, WholeChoice
from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.errors import BadRequest, json_response
from llamapack_runtime.api.openai.logprobs import mean_logprob
from llamapack_runtime.api.parameters import MAX_CHOICES
from llamapack_runtime.api.preparing import prepare
from llamapack_runtime.api.ready import card_of, defaults_of, service_of, session_of
from llamapack_runtime.api.running import run_streamed, run_whole
from llamapack_runtime.api.sse import EventStream
from llamapack_runtime.api.text_grammar import text_grammar
from llamapack_runtime.api.tgi.replies import Reply, TokenStream
from llamapack_runtime.api.tgi.requests import (
    GenerateRequest,
    check,
    to_adapters,
    to_format,
    to_parameters,
)
from llamapack_runtime.api.translation import MAX_STOP_STRINGS, to_wish
from llamapack_runtime.chat.prompt import Prompt

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session, Vocabulary


async def generate(http: HttpRequest) -> Response:
    request = to_struct(await read_object(http), GenerateRequest)
    return await _answer(http, request, streams=bool(request.stream))


async def generate_stream(http: HttpRequest) -> Response:
    request = to_struct(await read_object(http), GenerateRequest)
    if request.stream is False:
        raise BadRequest("'stream' is always true here; leave it out.", "stream")
    return await _answer(http, request, streams=True)


async def info(http: HttpRequest) -> Response:
    about, card = service_of(http).about, card_of(http)
    n_ctx = session_of(http).n_ctx
    return json_response(
        {
            "model_id": card.id,
            "model_sha": about.pack_id,
            "model_dtype": card.quantization,
            "model_device_type": "cpu",
            "model_pipeline_tag": "text-generation",
            "max_concurrent_requests": session_of(http).stats().slots,
            "max_best_of": MAX_CHOICES,
            "max_stop_sequences": MAX_STOP_STRINGS,
            "max_input_tokens": n_ctx,
            "max_total_tokens": n_ctx,
            "max_client_batch_size": 1,
            "router": "llamapack",
            "version": about.llamapack_version,
        }
    )


async def _answer(http: HttpRequest, request: GenerateRequest, *, streams: bool) -> Response:
    session, service = session_of(http), service_of(http)
    check(request, streams=streams)
    asked = request.asked
    has_details = streams or bool(asked.details)
    n_top = (asked.top_n_tokens or 0) if has_details else None
    n_probs = 0 if n_top is None and (asked.best_of or 1) > 1 else n_top
    adapters = to_adapters(asked, defaults_of(http).adapters)
    wish = replace(to_wish(to_parameters(asked), defaults_of(http), n_probs), adapters=adapters)
    prompt = await prepare(http, _prompt, session, request)
    requests = wish.requests(prompt, f"tgi-{secrets.token_hex(12)}")
    answer = Answer(session, requests, service.measures, prompt.parser)
    reply = Reply(
        is_special=lambda token: not session.vocabulary.piece(token),
        end_token=_end_token(session.vocabulary),
        opening=request.inputs if asked.return_full_text else "",
        seed=asked.seed,
        has_details=has_details,
        has_top=bool(n_top),
    )
    if streams:
        return EventStream(await run_streamed(http, answer, TokenStream(reply)))
    best, *others = _best_first(await run_whole(http, answer))
    return json_response(reply.whole(best, others))


def _prompt(session: Session, request: GenerateRequest) -> Prompt:
    """Blocking."""
    asked, text = request.asked, request.inputs
    tokens = session.text_prompt(text)
    if asked.truncate is not None:
        tokens = tokens[-asked.truncate :]
    try:
        grammar = text_grammar(session.vocabulary, to_format(asked.grammar))
    except BadRequest as error:
        raise BadRequest(str(error), "grammar.value", error.code) from None
    return Prompt(tokens, text, grammar=grammar)


def _end_token(vocabulary: Vocabulary) -> int:
    text = vocabulary.eos_token
    tokens = vocabulary.tokenize(text, add_special=False, parse_special=True)
    return tokens[-1] if tokens else 0


def _best_first(choices: Sequence[WholeChoice]) -> list[WholeChoice]:
    if len(choices) == 1:
        return list(choices)
    return sorted(choices, key=lambda choice: -mean_logprob(choice.tokens))


ROUTES = [
    Route("/generate", generate, methods=["POST"]),
    Route("/generate_stream", generate_stream, methods=["POST"]),
    Route("/info", info, methods=["GET"]),
]
