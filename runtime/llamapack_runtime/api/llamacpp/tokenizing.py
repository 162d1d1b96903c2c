"""POST /tokenize, /detokenize, /apply-template and .../input_tokens: texts and tokens, without an
answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.errors import json_response
from llamapack_runtime.api.llamacpp.prompts import (
    text_of,
    text_of_tokens,
    tokens_of,
)
from llamapack_runtime.api.llamacpp.requests import DetokenizeRequest, TokenizeRequest
from llamapack_runtime.api.neutral import without_neutral
from llamapack_runtime.api.openai.chat import to_chat
from llamapack_runtime.api.openai.requests import CHAT_NEUTRAL, ChatRequest
from llamapack_runtime.api.preparing import prepare
from llamapack_runtime.api.ready import session_of
from llamapack_runtime.api.tokens import check_tokens
from llamapack_runtime.chat.prompt import Prompt

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Vocabulary


async def tokenize(http: HttpRequest) -> Response:
    vocabulary = session_of(http).vocabulary
    request = to_struct(await read_object(http), TokenizeRequest)
    return json_response({"tokens": await prepare(http, _tokens, vocabulary, request)})


async def detokenize(http: HttpRequest) -> Response:
    vocabulary = session_of(http).vocabulary
    tokens = to_struct(await read_object(http), DetokenizeRequest).tokens or []
    return json_response({"content": await prepare(http, _text, vocabulary, tokens)})


async def apply_template(http: HttpRequest) -> Response:
    """Takes all that chat takes, and answers with the prompt alone."""
    return json_response({"prompt": (await _chat_prompt(http)).text})


async def input_tokens(http: HttpRequest) -> Response:
    """Takes all that chat takes, and counts the tokens of the prompt."""
    count = len((await _chat_prompt(http)).tokens)
    return json_response({"object": "response.input_tokens", "input_tokens": count})


async def _chat_prompt(http: HttpRequest) -> Prompt:
    session = session_of(http)
    request = to_struct(without_neutral(await read_object(http), CHAT_NEUTRAL), ChatRequest)
    return await prepare(http, lambda: session.prepare(to_chat(request)))


def _text(vocabulary: Vocabulary, tokens: list[int]) -> str:
    check_tokens(vocabulary, tokens, "tokens")
    return text_of_tokens(vocabulary, tokens)


def _tokens(vocabulary: Vocabulary, request: TokenizeRequest) -> list[object]:
    if request.content is None:
        return []
    text = text_of(request.content, "content")
    tokens = tokens_of(
        vocabulary,
        text,
        "content",
        add_special=request.add_special,
        parse_special=request.parse_special,
    )
    if not request.with_pieces:
        return [*tokens]
    return [{"id": token, "piece": _piece(vocabulary, token)} for token in tokens]


def _piece(vocabulary: Vocabulary, token: int) -> str | list[int]:
    """The text, or the bytes where they are no whole characters."""
    piece = vocabulary.named_piece(token)
    try:
        return piece.decode()
    except UnicodeDecodeError:
        return [*piece]


ROUTES = [
    Route("/tokenize", tokenize, methods=["POST"]),
    Route("/detokenize", detokenize, methods=["POST"]),
    Route("/apply-template", apply_template, methods=["POST"]),
    Route("/v1/chat/completions/input_tokens", input_tokens, methods=["POST"]),
    Route("/chat/completions/input_tokens", input_tokens, methods=["POST"]),
]
