"""What OpenAI's routes do."""

from __future__ import annotations

from llamapack_runtime.api.openai import rerank
from llamapack_runtime.api.openai.embeddings import EmbeddingRequest, NativeRequest
from llamapack_runtime.api.openai.requests import (
    CHAT_NEUTRAL,
    COMPLETION_NEUTRAL,
    ChatRequest,
    CompletionRequest,
)
from llamapack_runtime.api.openai.rerank import RerankRequest
from llamapack_runtime.api.openai.responses.requests import NEUTRAL, ResponsesRequest
from llamapack_runtime.api.openapi.operation import EVENTS, Operation

_ENVELOPE = ("id", "object", "created", "model", "choices", "usage", "timings")
_RESPONSE = ("id", "object", "created_at", "status", "model", "output", "usage")

OPERATIONS = (
    Operation(
        dialect="OpenAI",
        paths=("/v1/chat/completions", "/chat/completions"),
        summary="Answer a conversation",
        description="With `stream` the answer comes in events, the last of which is `[DONE]`.",
        request=ChatRequest,
        neutral=CHAT_NEUTRAL,
        reply=_ENVELOPE,
        stream=EVENTS,
        answers=True,
    ),
    Operation(
        dialect="OpenAI",
        paths=("/v1/completions",),
        summary="Continue a text",
        description="With `stream` the text comes in events, the last of which is `[DONE]`.",
        request=CompletionRequest,
        neutral=COMPLETION_NEUTRAL,
        reply=_ENVELOPE,
        stream=EVENTS,
        answers=True,
    ),
    Operation(
        dialect="OpenAI",
        paths=("/v1/responses",),
        summary="Answer a conversation that is kept here",
        description="With `stream` the answer comes in typed events, the last of which holds it.",
        request=ResponsesRequest,
        neutral=NEUTRAL,
        reply=_RESPONSE,
        stream=EVENTS,
        answers=True,
        refusals=frozenset({404}),
    ),
    Operation(
        dialect="OpenAI",
        paths=("/v1/responses/{response_id}",),
        method="get",
        summary="Show a stored response",
        reply=_RESPONSE,
        refusals=frozenset({404}),
    ),
    Operation(
        dialect="OpenAI",
        paths=("/v1/responses/{response_id}",),
        method="delete",
        summary="Forget a stored response",
        reply=("id", "object", "deleted"),
        refusals=frozenset({404}),
    ),
    Operation(
        dialect="OpenAI",
        paths=("/v1/responses/{response_id}/input_items",),
        method="get",
        summary="List what a stored response was made from",
        reply=("object", "data", "first_id", "last_id", "has_more"),
        query=(
            ("limit", "How many, 1 to 100; 20 by default"),
            ("order", "asc or desc; desc by default"),
            ("after", "The id of the item that comes before the first"),
        ),
        refusals=frozenset({404}),
    ),
    Operation(
        dialect="OpenAI",
        paths=("/v1/embeddings",),
        summary="Turn texts into vectors",
        request=EmbeddingRequest,
        reply=("object", "data", "model", "usage"),
        answers=True,
    ),
    Operation(
        dialect="llama.cpp",
        paths=("/embedding", "/embeddings"),
        summary="Turn texts into vectors, in llama-server's shape",
        request=NativeRequest,
        reply={"type": "array", "items": {"type": "object", "required": ["index", "embedding"]}},
        answers=True,
    ),
    Operation(
        dialect="OpenAI",
        paths=rerank.PATHS,
        summary="Order documents by how well they answer a query",
        request=RerankRequest,
        reply={"type": ["object", "array"]},
        answers=True,
    ),
    Operation(
        dialect="OpenAI",
        paths=("/v1/models", "/models"),
        method="get",
        summary="Say which models are served, and of several which are loaded",
        reply=("object", "data"),
    ),
    Operation(
        dialect="OpenAI",
        paths=("/v1/models/{name:path}",),
        method="get",
        summary="Say what is known about a model",
        reply=("id", "object", "created", "owned_by"),
        refusals=frozenset({404}),
    ),
)
