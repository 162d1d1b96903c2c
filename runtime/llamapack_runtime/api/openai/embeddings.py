"""Embeddings as OpenAI has them (/v1/embeddings) and as llama-server has them by itself."""

from __future__ import annotations

import asyncio
import base64
import sys
from array import array
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.embedding import Embeddings, EmbedOptions, Input, embed
from llamapack_runtime.api.errors import BadRequest
from llamapack_runtime.api.ready import card_of, embedder_of

TokenCount = Annotated[int, Meta(ge=-1, le=2**31 - 1)]
# -1 not at all, 0 to the range of 16-bit numbers, 1 taxicab, 2 Euclidean, more: that p-norm.
Norm = Annotated[int, Meta(ge=-1, le=1024)]


class EmbeddingRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`input` is a text, a list of tokens, or a list of these. `truncate_prompt_tokens` is vLLM's,
    `embd_normalize` llama-server's. `model` may be any name: a pack serves one model."""

    input: str | list[Any]
    model: str | None = None
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Meta(ge=1, le=2**31 - 1)] | None = None
    truncate_prompt_tokens: TokenCount | None = None
    embd_normalize: Norm | None = None
    user: str | None = None  # says something about the client, not about the answer


class NativeRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`content` or `input`, as `EmbeddingRequest` has it."""

    content: str | list[Any] | None = None
    input: str | list[Any] | None = None
    model: str | None = None
    encoding_format: Literal["float"] | None = None
    embd_normalize: Norm | None = None
    user: str | None = None


async def embeddings(http: HttpRequest) -> Response:
    embedder_of(http)
    request = to_struct(await read_object(http), EmbeddingRequest)
    options = EmbedOptions(
        dimensions=request.dimensions,
        normalize=request.embd_normalize,
        truncate_to=request.truncate_prompt_tokens,
    )
    found = await embed(http, inputs_of(request.input, "input"), options)
    model = card_of(http).id
    is_text = request.encoding_format == "base64"
    # Off the event loop: many vectors take a while to be written.
    return _json(await asyncio.to_thread(_reply, found, model, is_text))


async def native_embeddings(http: HttpRequest) -> Response:
    """The vectors of all tokens where the pooling is "none", else one for each input."""
    embedder_of(http)
    request = to_struct(await read_object(http), NativeRequest)
    param = "input" if request.content is None else "content"
    inputs = request.input if request.content is None else request.content
    if inputs is None:
        raise BadRequest("The parameter 'input' (or 'content') is missing.", "input")
    options = EmbedOptions(normalize=request.embd_normalize, takes_tokens=True, param=param)
    found = await embed(http, inputs_of(inputs, param), options)
    return _json(await asyncio.to_thread(_native_reply, found))


def inputs_of(value: str | list[Any], param: str) -> list[Input]:
    """Texts and lists of tokens; one of them may stand alone. BadRequest for anything else."""
    if isinstance(value, str):
        return [value]
    if value and all(type(one) is int for one in value):
        return [tuple(value)]
    return [_input_of(one, number, param) for number, one in enumerate(value)]


def _input_of(value: object, number: int, param: str) -> Input:
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(type(one) is int for one in value):
        return tuple(value)
    message = f"Entry {number} of '{param}' must be a text or a list of tokens."
    raise BadRequest(message, param, "invalid_type")


def _reply(found: Embeddings, model: str, is_text: bool) -> bytes:
    """An entry at a time, so that other threads have their turn meanwhile."""
    write = _base64 if is_text else _floats
    entries = (
        b'{"object":"embedding","index":%d,"embedding":%b}' % (index, write(rows[0]))
        for index, rows in enumerate(found.rows)
    )
    usage = {"prompt_tokens": found.prompt_tokens, "total_tokens": found.prompt_tokens}
    return b'{"object":"list","data":[%b],"model":%b,"usage":%b}' % (
        b",".join(entries),
        msgspec.json.encode(model),
        msgspec.json.encode(usage),
    )


def _native_reply(found: Embeddings) -> bytes:
    entries = (
        b'{"index":%d,"embedding":[%b]}' % (index, b",".join(map(_floats, rows)))
        for index, rows in enumerate(found.rows)
    )
    return b"[%b]" % b",".join(entries)


def _floats(vector: array[float]) -> bytes:
    return msgspec.json.encode(vector.tolist())


def _base64(vector: array[float]) -> bytes:
    """Of 32-bit floats, the lowest byte first."""
    if sys.byteorder == "big":
        vector = vector[:]
        vector.byteswap()
    return b'"%b"' % base64.b64encode(vector.tobytes())


def _json(data: bytes) -> Response:
    return Response(data, media_type="application/json")


ROUTES = [
    Route("/v1/embeddings", embeddings, methods=["POST"]),
    *(Route(path, native_embeddings, methods=["POST"]) for path in ("/embedding", "/embeddings")),
]
