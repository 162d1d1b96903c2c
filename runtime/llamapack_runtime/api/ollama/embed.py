"""Ollama's embeddings: the route of today, and the older one for a single text."""

from __future__ import annotations

import asyncio
import time
from typing import Annotated

import msgspec
from msgspec import Meta
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.embedding import Embeddings, EmbedOptions, embed
from llamapack_runtime.api.errors import BadRequest, json_response
from llamapack_runtime.api.ollama.keep_alive import check_keep_alive
from llamapack_runtime.api.ollama.models import own_name
from llamapack_runtime.api.ollama.options import Options, to_parameters
from llamapack_runtime.api.ready import card_of, embedder_of


class VectorRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """What both routes have in common."""

    model: Annotated[str, Meta(max_length=1024)] | None = None
    options: Options | None = None
    keep_alive: str | float | None = None


class EmbedRequest(VectorRequest, frozen=True, kw_only=True):
    """What is longer than the model takes is cut off, unless `truncate` is false."""

    input: str | list[str] | None = None
    truncate: bool | None = None
    dimensions: int | None = None


class EmbeddingsRequest(VectorRequest, frozen=True, kw_only=True):
    prompt: str | None = None


async def embed_texts(http: HttpRequest) -> Response:
    started_ns = time.monotonic_ns()
    request = to_struct(await read_object(http), EmbedRequest)
    _check(http, request)
    texts = [request.input] if isinstance(request.input, str) else request.input or []
    reply: dict[str, object] = {"model": request.model or own_name(card_of(http))}
    if not any(texts):  # the model is to be loaded
        return json_response(reply | {"embeddings": []})
    truncate_to = None if request.truncate is False else -1
    options = EmbedOptions(dimensions=request.dimensions, normalize=2, truncate_to=truncate_to)
    try:
        found = await embed(http, texts, options)
    except BadRequest as error:
        if error.code != "context_length_exceeded":
            raise
        most = embedder_of(http).facts.max_tokens
        message = (
            f"An entry of 'input' has more than {most} tokens, which this model takes at most; "
            "shorten it, or leave 'truncate' out."
        )
        raise BadRequest(message, "input", error.code) from None
    vectors = await asyncio.to_thread(_encoded, found)
    measures = {
        "total_duration": time.monotonic_ns() - started_ns,
        "load_duration": 0,  # the model is there before the first request
        "prompt_eval_count": found.prompt_tokens,
    }
    return json_response(reply | {"embeddings": vectors} | measures)


async def embed_prompt(http: HttpRequest) -> Response:
    """As the model gives the vector, with a length of its own."""
    request = to_struct(await read_object(http), EmbeddingsRequest)
    _check(http, request)
    if not request.prompt:
        return json_response({"embedding": []})
    options = EmbedOptions(normalize=-1, truncate_to=-1, param="prompt")
    found = await embed(http, [request.prompt], options)
    return json_response({"embedding": _encoded(found)[0]})


def _check(http: HttpRequest, request: VectorRequest) -> None:
    """Options of sampling say nothing here; clients send one set of them with every request."""
    check_keep_alive(request.keep_alive)
    facts = embedder_of(http).facts
    to_parameters(request.options or Options(), facts.max_tokens)
    if facts.pooling == "none":
        message = (
            "With the pooling 'none' each token has a vector of its own, which is at /embeddings;"
            " start this program with another --pooling."
        )
        raise BadRequest(message, code="pooling_none")


def _encoded(found: Embeddings) -> list[msgspec.Raw]:
    """A vector at a time, so that other threads have their turn meanwhile."""
    return [msgspec.Raw(msgspec.json.encode(rows[0].tolist())) for rows in found.rows]
