"""Embeddings and scores for every dialect: inputs in, vectors out. Knows no dialect.

`embed` and `rank` are what the dialects call; `embedder_of` says whether there is any."""

from __future__ import annotations

import asyncio
import math
import secrets
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.requests import Request as HttpRequest

from llamapack_runtime.api.connection import while_connected
from llamapack_runtime.api.errors import ApiError, BadRequest
from llamapack_runtime.api.mailbox import Mailbox
from llamapack_runtime.api.preparing import prepare
from llamapack_runtime.api.ready import embedder_of
from llamapack_runtime.engine.embed_types import Embedded, EmbedRequest, Rows
from llamapack_runtime.engine.types import Failed

if TYPE_CHECKING:  # it comes with the model: the page must not wait for its import
    from llamapack_runtime.engine.embed_texts import TextEmbedder

MAX_INPUTS = 2048
MAX_TEXT_BYTES = 4 << 20  # of all inputs together
MAX_TOKENS = 300_000  # of all inputs together, as OpenAI has it
_LARGEST_INT16 = 32760.0  # what llama.cpp scales to

Input = str | Sequence[int]


@dataclass(frozen=True, slots=True)
class EmbedOptions:
    """`dimensions`: the vectors' first so many numbers, normalised again. `normalize` as in
    `EmbedFacts`, None: the pack's own. `truncate_to`: tokens that an input may keep, -1 as many as
    the model takes; None: a longer input is an error. `takes_tokens`: vectors of single tokens, as
    the pooling "none" gives them, are welcome. `param` names the inputs in messages."""

    dimensions: int | None = None
    normalize: int | None = None
    truncate_to: int | None = None
    takes_tokens: bool = False
    param: str = "input"


@dataclass(frozen=True, slots=True)
class Embeddings:
    """For each input its vector, or one for each of its tokens where the model's pooling is
    "none". `compute_s` are the seconds of the model's work."""

    rows: tuple[Rows, ...]
    prompt_tokens: int
    compute_s: float


@dataclass(frozen=True, slots=True)
class Ranking:
    """A score for each document, as the model gives it: mostly a logit, more is better."""

    scores: tuple[float, ...]
    prompt_tokens: int


async def embed(
    http: HttpRequest, inputs: Sequence[Input], options: EmbedOptions | None = None
) -> Embeddings:
    """The inputs' vectors in their order. The body must have been read. ApiError when it cannot
    be done, ClientGone when the client leaves meanwhile."""
    options = options or EmbedOptions()
    embedder = embedder_of(http)
    if embedder.is_reranker:
        message = "This pack holds a reranking model; it scores documents at /v1/rerank."
        raise ApiError(501, message, "not_supported")
    if embedder.facts.pooling == "none" and not options.takes_tokens:
        message = (
            "With the pooling 'none' each token has a vector of its own, which is at /embeddings;"
            " start this program with another --pooling."
        )
        raise BadRequest(message, options.param, "pooling_none")
    _check_dimensions(options.dimensions, embedder.facts.n_embd)
    _check_inputs(inputs, options.param)
    tokens = await prepare(http, _tokens, embedder, inputs, options)
    found = await _run(http, embedder, tokens)
    rows = await asyncio.to_thread(_finish, embedder, found.rows, options)
    return Embeddings(rows, sum(map(len, tokens)), found.compute_s)


async def rank(
    http: HttpRequest,
    query: str,
    documents: Sequence[str],
    *,
    max_document: int | None = None,
    truncate_to: int | None = None,
) -> Ranking:
    """How well each document answers the query. At most `max_document` tokens of each count, and
    `truncate_to` of query and document together (-1: as many as the model takes). The body must
    have been read. ApiError when it cannot be done, ClientGone when the client leaves meanwhile."""
    embedder = embedder_of(http)
    if not embedder.is_reranker:
        message = (
            "This pack's model does not rerank documents; pack a reranking model, such as one whose"
            " GGUF has the pooling type 'rank'."
        )
        raise ApiError(501, message, "not_supported")
    _check_inputs(documents, "documents", beside_each=query)
    limit = _limit(embedder, truncate_to, "truncate_prompt_tokens")

    def pairs() -> list[tuple[int, ...]]:
        found = [embedder.pair(query, each, max_document, limit) for each in documents]
        return _checked(found, embedder)

    tokens = await prepare(http, pairs)
    found = await _run(http, embedder, tokens)
    scores = tuple(rows[0][0] for rows in found.rows)
    _check_finite(scores)
    return Ranking(scores, sum(map(len, tokens)))


def _check_dimensions(dimensions: int | None, n_embd: int) -> None:
    if dimensions is not None and not 1 <= dimensions <= n_embd:
        message = f"'dimensions' is {dimensions}, but this model's vectors have {n_embd} numbers."
        raise BadRequest(message, "dimensions")


def _check_inputs(inputs: Sequence[Input], param: str, *, beside_each: str = "") -> None:
    """`beside_each`: what the model reads with every one of them."""
    if not inputs:
        raise BadRequest(f"'{param}' is empty; send at least one text.", param)
    if len(inputs) > MAX_INPUTS:
        message = f"'{param}' has {len(inputs)} entries; at most {MAX_INPUTS} are possible."
        raise BadRequest(message, param)
    if not all(inputs):
        raise BadRequest(f"'{param}' has an empty entry; leave it out.", param)
    texts = [text for text in inputs if isinstance(text, str)]
    size = sum(map(_size_bytes, texts)) + _size_bytes(beside_each) * len(inputs)
    if size > MAX_TEXT_BYTES:
        message = (
            f"'{param}' has {size:,} bytes of text; at most {MAX_TEXT_BYTES:,} are possible in one"
            " request."
        )
        raise BadRequest(message, param)


def _size_bytes(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _limit(embedder: TextEmbedder, truncate_to: int | None, param: str) -> int | None:
    most = embedder.facts.max_tokens
    if truncate_to is None or truncate_to == -1:
        return None if truncate_to is None else most
    if not 1 <= truncate_to <= most:
        message = f"'{param}' is {truncate_to}; this model takes 1 to {most} tokens."
        raise BadRequest(message, param)
    return truncate_to


def _tokens(
    embedder: TextEmbedder, inputs: Sequence[Input], options: EmbedOptions
) -> list[tuple[int, ...]]:
    limit = _limit(embedder, options.truncate_to, "truncate_prompt_tokens")
    found = [
        embedder.tokens(one, limit) if isinstance(one, str) else tuple(one)[:limit]
        for one in inputs
    ]
    return _checked(found, embedder, options.param)


def _checked(
    inputs: list[tuple[int, ...]], embedder: TextEmbedder, param: str = "documents"
) -> list[tuple[int, ...]]:
    """The same, when the model can take them."""
    most, total = embedder.facts.max_tokens, sum(map(len, inputs))
    for number, tokens in enumerate(inputs):
        if not tokens:
            raise BadRequest(f"Entry {number} of '{param}' has no tokens; leave it out.", param)
        if len(tokens) > most:
            message = (
                f"Entry {number} of '{param}' has {len(tokens)} tokens, but this model takes {most}"
                " at most; shorten it, or set 'truncate_prompt_tokens' to -1."
            )
            raise BadRequest(message, param, "context_length_exceeded")
        if min(tokens) < 0 or max(tokens) >= embedder.n_vocab:
            message = f"Tokens must lie between 0 and {embedder.n_vocab - 1}."
            raise BadRequest(message, param)
    if total > MAX_TOKENS:
        message = f"'{param}' has {total:,} tokens; at most {MAX_TOKENS:,} are possible at once."
        raise BadRequest(message, param)
    return inputs


async def _run(
    http: HttpRequest, embedder: TextEmbedder, inputs: list[tuple[int, ...]]
) -> Embedded:
    request = EmbedRequest(secrets.token_hex(12), tuple(inputs))
    ends: Mailbox[Embedded | Failed] = Mailbox()
    embedder.submit(request, ends.put)
    try:
        (end,) = await while_connected(http.receive, ends.take())
    except BaseException:
        embedder.abort(request.request_id)
        raise
    if isinstance(end, Failed):
        raise ApiError.from_failure(end)
    return end


def _finish(
    embedder: TextEmbedder, inputs: tuple[Rows, ...], options: EmbedOptions
) -> tuple[Rows, ...]:
    """Shortened and normalised. Vectors of single tokens stay as they are, as in llama-server."""
    norm = embedder.facts.normalize if options.normalize is None else options.normalize
    if embedder.facts.pooling == "none":
        norm = -1
    return tuple(
        tuple(_normalized(vector[: options.dimensions], norm) for vector in rows) for rows in inputs
    )


def _normalized(vector: array[float], norm: int) -> array[float]:
    _check_finite(vector)
    length = _length(vector, norm)
    return vector if length == 1 else array("f", [each / length for each in vector])


def _length(vector: array[float], norm: int) -> float:
    """What to divide by; 1 for a vector of zeros, which no norm can change."""
    match norm:
        case -1:
            return 1.0
        case 0:
            found = max(map(abs, vector)) / _LARGEST_INT16
        case 2:
            found = math.hypot(*vector)
        case _:
            largest = max(map(abs, vector)) or 1.0  # large powers would overflow
            total = math.fsum((abs(each) / largest) ** norm for each in vector)
            found = largest * total ** (1 / norm)
    return found or 1.0


def _check_finite(vector: Sequence[float]) -> None:
    if not all(map(math.isfinite, vector)):
        message = "The model computed an embedding with values that are no numbers."
        raise ApiError(500, message, "embedding_failed")
