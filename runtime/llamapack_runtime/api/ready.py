"""The session of a request, or the reason why there is none yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from starlette.requests import Request

from llamapack_runtime.api.errors import ApiError, NotReady
from llamapack_runtime.api.hold import Hold
from llamapack_runtime.api.service import (
    AnswerDefaults,
    LoadFailed,
    ModelCard,
    Ready,
    ReadyToEmbed,
    Service,
    State,
    Unloaded,
)
from llamapack_runtime.api.stock import Shelved, Stock
from llamapack_runtime.model_kind import Kind

if TYPE_CHECKING:  # the session brings the template engine: the page must not wait for its import
    from llamapack_runtime.chat.session import Session
    from llamapack_runtime.engine.embed_texts import TextEmbedder

# The key of a request's scope.
HOLD = "llamapack.hold"

_NO_EMBEDDINGS = "This pack makes no embeddings; start it with --embeddings."
_NO_RERANKER = (
    "This pack's model chats and does not rerank documents; pack a reranking model, such as one"
    " whose GGUF has the pooling type 'rank'."
)


def service_of(request: Request) -> Service:
    service = request.app.state.service
    assert isinstance(service, Service), "set by build_app"
    return service


def hold_of(request: Request) -> Hold | None:
    """The model that was borrowed for the request, where there are several; see `gate`."""
    hold: Hold | None = request.scope.get(HOLD)
    return hold


def card_of(request: Request) -> ModelCard:
    """The model that answers."""
    hold = hold_of(request)
    return service_of(request).about.model if hold is None else hold.stock.card


def defaults_of(request: Request) -> AnswerDefaults:
    """For that model: its own adapters."""
    hold, defaults = hold_of(request), service_of(request).defaults
    return defaults if hold is None else replace(defaults, adapters=hold.stock.adapters)


def state_of(request: Request) -> State:
    hold = hold_of(request)
    return service_of(request).state if hold is None else hold.state


def session_of(request: Request) -> Session:
    """NotReady while the model is loading, or when it could not be loaded; 501 when it does not
    chat."""
    state = state_of(request)
    if isinstance(state, Ready):
        return state.session
    if isinstance(state, ReadyToEmbed):
        raise ApiError(501, _no_chat(state.embedder), "not_supported")
    raise _not_ready(state)


def embedder_of(request: Request, *, to_rerank: bool = False) -> TextEmbedder:
    """NotReady while the model is loading, or when it could not be loaded; 501 when it only
    chats. `to_rerank`: what is missing then is another model, not a start in another way."""
    state = state_of(request)
    if isinstance(state, Ready | ReadyToEmbed):
        if state.embedder is None:
            raise ApiError(501, _NO_RERANKER if to_rerank else _NO_EMBEDDINGS, "not_supported")
        return state.embedder
    raise _not_ready(state)


def shelves_of(request: Request) -> list[Shelved]:
    """All models of the program, one or several. The first is the one that a chat begins with."""
    service = service_of(request)
    if service.pool is not None:
        return service.pool.shelves()
    state = service.state
    kind: Kind = "chat"
    if isinstance(state, ReadyToEmbed):
        kind = "reranker" if state.embedder.is_reranker else "embedding"
    adapters = service.defaults.adapters
    return [Shelved(Stock(service.about.model, kind, adapters=adapters), state)]


def _no_chat(embedder: TextEmbedder) -> str:
    if embedder.is_reranker:
        return "This pack holds a reranking model; it scores documents at /v1/rerank."
    return "This pack holds an embedding model; it makes embeddings at /v1/embeddings."


def _not_ready(state: State) -> NotReady:
    if isinstance(state, LoadFailed):
        return NotReady(state.sentence, "model_unusable")
    if isinstance(state, Unloaded):
        return NotReady(
            "The model is not loaded now; ask it something, and it will be.", "unloaded"
        )
    return NotReady("The model is still loading; try again in a moment.", "loading")
