"""What Ollama's routes do."""

from __future__ import annotations

from llamapack_runtime.api.ollama.embed import EmbeddingsRequest, EmbedRequest
from llamapack_runtime.api.ollama.models import ShowRequest
from llamapack_runtime.api.ollama.requests import ChatRequest, GenerateRequest
from llamapack_runtime.api.openapi.operation import LINES, Method, Operation

_STREAMED = (
    "The answer comes in lines of JSON, the last of which has `done`; `stream` false: whole."
)


def _unserved(method: Method, *paths: str) -> Operation:
    return Operation(
        dialect="Ollama",
        paths=paths,
        method=method,
        summary="Refused: the models of a pack are never changed",
        status=None,
        refusals=frozenset({501}),
    )


OPERATIONS = (
    Operation(
        dialect="Ollama",
        paths=("/api/chat",),
        summary="Answer a conversation, in Ollama's shape",
        description=_STREAMED,
        request=ChatRequest,
        reply=("model", "created_at", "message", "done"),
        stream=LINES,
        answers=True,
    ),
    Operation(
        dialect="Ollama",
        paths=("/api/generate",),
        summary="Answer a prompt, or continue a text",
        description=_STREAMED,
        request=GenerateRequest,
        reply=("model", "created_at", "response", "done"),
        stream=LINES,
        answers=True,
    ),
    Operation(
        dialect="Ollama",
        paths=("/api/embed",),
        summary="Turn texts into vectors, in Ollama's shape",
        request=EmbedRequest,
        reply=("model", "embeddings"),
        answers=True,
    ),
    Operation(
        dialect="Ollama",
        paths=("/api/embeddings",),
        summary="Turn one text into a vector, as older clients ask for it",
        request=EmbeddingsRequest,
        reply=("embedding",),
        answers=True,
    ),
    Operation(
        dialect="Ollama",
        paths=("/api/tags",),
        method="get",
        summary="List the models",
        reply=("models",),
    ),
    Operation(
        dialect="Ollama",
        paths=("/api/ps",),
        method="get",
        summary="List the models that are loaded, and until when",
        reply=("models",),
    ),
    Operation(
        dialect="Ollama",
        paths=("/api/show",),
        summary="Say what is known about a model, in Ollama's shape",
        request=ShowRequest,
        reply=("details", "model_info", "capabilities", "template"),
        refusals=frozenset({404}),
    ),
    Operation(
        dialect="Ollama",
        paths=("/api/version",),
        method="get",
        summary="Say which version of Ollama has the same protocol; ours is in /llamapack/info",
        reply=("version",),
    ),
    _unserved("post", "/api/pull", "/api/push", "/api/create", "/api/copy", "/api/blobs/{digest}"),
    _unserved("get", "/api/blobs/{digest}"),
    _unserved("delete", "/api/delete"),
)
