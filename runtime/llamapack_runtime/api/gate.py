"""Borrows the model that a request means before its route sees it, and gives it back when the
answer has been sent. Only there where a program has several models."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llamapack_runtime.api.body import read_bytes
from llamapack_runtime.api.connection import while_connected
from llamapack_runtime.api.early_stream import EarlyStream
from llamapack_runtime.api.error_handlers import error_response
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.naming import choose
from llamapack_runtime.api.ollama.keep_alive import keep_alive_s
from llamapack_runtime.api.openai import rerank
from llamapack_runtime.api.pool import Pool
from llamapack_runtime.api.ready import HOLD
from llamapack_runtime.model_kind import Kind

_CHAT = (
    "/v1/chat/completions",
    "/v1/chat/completions/input_tokens",
    "/chat/completions",
    "/chat/completions/input_tokens",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages",
    "/v1/messages/count_tokens",
    "/api/chat",
    "/api/generate",
    "/completion",
    "/completions",
    "/infill",
    "/tokenize",
    "/detokenize",
    "/apply-template",
    "/generate",
    "/generate_stream",
    "/lora-adapters",
)
_PATHS: Mapping[Kind, tuple[str, ...]] = {
    "chat": _CHAT,
    "embedding": ("/v1/embeddings", "/embeddings", "/embedding", "/api/embed", "/api/embeddings"),
    "reranker": rerank.PATHS,
}
# What the routes that are asked something want of a model.
NEEDS = {path: kind for kind, paths in _PATHS.items() for path in paths}
OLLAMA_CHAT = ("/api/chat", "/api/generate")
# Whose streams are server-sent events.
ALWAYS_STREAMING = ("/generate_stream",)
STREAMING = (
    "/v1/chat/completions",
    "/chat/completions",
    "/v1/completions",
    "/v1/responses",
    "/v1/messages",
    "/completion",
    "/completions",
    "/infill",
    "/generate",
)
# Routes that tell of a model; nothing is loaded for them.
ABOUT_ONE = ("/props", "/slots", "/lora-adapters", "/info")

# Larger ones are not looked through on the event loop.
_QUICK_BYTES = 1 << 20


class _Asked(msgspec.Struct):
    """What a body says of the model, right or wrong: its route checks all of it."""

    model: Any = None
    stream: Any = None
    keep_alive: Any = None
    prompt: Any = None
    messages: Any = None

    @property
    def name(self) -> str | None:
        return self.model if isinstance(self.model, str) else None

    @property
    def only_unloads(self) -> bool:
        """In Ollama's words: it asks nothing, and the model is not needed any longer."""
        is_empty = not (self.prompt or self.messages)
        return is_empty and keep_alive_s(self.keep_alive) == 0


@dataclass(frozen=True, slots=True)
class Gate:
    """Around the routes."""

    routes: ASGIApp
    pool: Pool

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"]
        if scope["method"] == "POST" and path in NEEDS:
            await self._answer(scope, receive, send, NEEDS[path])
        elif scope["method"] == "GET" and path in ABOUT_ONE:
            await self._tell(scope, receive, send)
        else:
            await self.routes(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send, need: Kind) -> None:
        path, request = scope["path"], Request(scope, receive)
        data = bytes(await read_bytes(request))
        asked = await _looked_through(data)
        stock = choose(self.pool.stocks, asked.name or request.query_params.get("model"), need)
        replay = _replay(data, receive)
        if path in OLLAMA_CHAT and asked.only_unloads:
            self.pool.let_go(stock)
            await self.routes(scope, replay, send)
            return
        keep_s = keep_alive_s(asked.keep_alive) if path.startswith("/api/") else None
        early = EarlyStream(send, path)
        streams = path in ALWAYS_STREAMING or (path in STREAMING and asked.stream is True)
        silence_s = scope["app"].state.keep_alive_s if streams else None
        lent = self.pool.ask(stock, keep_s)
        try:
            hold = await while_connected(receive, early.waited(lent, silence_s))
        except ApiError as error:
            if not early.has_begun:
                raise
            await error_response(error, path)(scope, receive, early.send)
            return
        except BaseException:
            self.pool.give_up(lent)
            raise
        with hold:
            await self.routes({**scope, HOLD: hold}, replay, early.send)

    async def _tell(self, scope: Scope, receive: Receive, send: Send) -> None:
        name = Request(scope).query_params.get("model")
        hold = self.pool.peek(choose(self.pool.stocks, name, "chat"))
        if hold is None:
            await self.routes(scope, receive, send)
            return
        with hold:
            await self.routes({**scope, HOLD: hold}, receive, send)


async def _looked_through(data: bytes) -> _Asked:
    """A body that is no JSON object is its route's to refuse."""
    try:
        if len(data) > _QUICK_BYTES:
            return await asyncio.to_thread(_decode, data)
        return _decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return _Asked()


_decode = msgspec.json.Decoder(_Asked).decode


def _replay(data: bytes, receive: Receive) -> Receive:
    """The body once more, and then what comes behind it."""
    pieces = [data]

    async def receive_again() -> Message:
        if pieces:
            return {"type": "http.request", "body": pieces.pop(), "more_body": False}
        return await receive()

    return receive_again
