"""Reranking as Jina and Cohere have it, and (with `texts`) as Text Embeddings Inference has it."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from typing import Annotated, Literal

import msgspec
from msgspec import Meta
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.embedding import Ranking, rank
from llamapack_runtime.api.errors import BadRequest, MissingParameter, json_response
from llamapack_runtime.api.openai.embeddings import TokenCount
from llamapack_runtime.api.ready import card_of, embedder_of

PATHS = ("/v1/rerank", "/rerank", "/v2/rerank", "/v1/reranking", "/reranking")
Count = Annotated[int, Meta(ge=1, le=2**31 - 1)]


class Document(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    text: str


class RerankRequest(msgspec.Struct, forbid_unknown_fields=True, frozen=True, kw_only=True):
    """`documents`, or `texts` for a reply in the other shape. `max_tokens_per_doc` is Cohere's,
    `truncate_prompt_tokens` vLLM's, `truncate` TEI's. Scores are as the model gives them."""

    query: str
    documents: list[str | Document] | None = None
    texts: list[str] | None = None
    top_n: Count | None = None
    return_documents: bool | None = None
    max_tokens_per_doc: Count | None = None
    truncate_prompt_tokens: TokenCount | None = None
    model: str | None = None
    user: str | None = None
    return_text: bool | None = None
    truncate: bool | None = None
    raw_scores: Literal[True] | None = None


async def rerank(http: HttpRequest) -> Response:
    embedder_of(http, to_rerank=True)
    request = to_struct(await read_object(http), RerankRequest)
    documents = _documents(request)
    ranking = await rank(
        http,
        request.query,
        documents,
        max_document=request.max_tokens_per_doc,
        truncate_to=-1 if request.truncate else request.truncate_prompt_tokens,
    )
    if request.texts is not None:
        return json_response(_tei_reply(request, documents, ranking))
    return json_response(_reply(request, documents, ranking, card_of(http).id))


def _documents(request: RerankRequest) -> list[str]:
    if request.documents is None and request.texts is None:
        raise MissingParameter("documents")
    if request.documents is not None and request.texts is not None:
        raise BadRequest("Send either 'documents' or 'texts', not both.", "texts")
    if not request.query:
        raise BadRequest("'query' is empty; send a text.", "query")
    found = request.texts if request.documents is None else request.documents
    return [one.text if isinstance(one, Document) else one for one in found or ()]


def _best(request: RerankRequest, ranking: Ranking) -> Sequence[int]:
    """The documents' numbers, those with the highest scores first."""
    scores = ranking.scores
    order = sorted(range(len(scores)), key=lambda index: -scores[index])
    return order[: request.top_n]


def _reply(
    request: RerankRequest, documents: Sequence[str], ranking: Ranking, model: str
) -> dict[str, object]:
    shows = bool(request.return_documents)
    return {
        "id": f"rerank-{secrets.token_hex(12)}",
        "object": "list",
        "model": model,
        "usage": {"prompt_tokens": ranking.prompt_tokens, "total_tokens": ranking.prompt_tokens},
        "results": [
            {"index": index, "relevance_score": ranking.scores[index]}
            | ({"document": {"text": documents[index]}} if shows else {})
            for index in _best(request, ranking)
        ],
    }


def _tei_reply(
    request: RerankRequest, documents: Sequence[str], ranking: Ranking
) -> list[dict[str, object]]:
    shows = bool(request.return_text)
    return [
        {"index": index, "score": ranking.scores[index]}
        | ({"text": documents[index]} if shows else {})
        for index in _best(request, ranking)
    ]


ROUTES = [Route(path, rerank, methods=["POST"]) for path in PATHS]
