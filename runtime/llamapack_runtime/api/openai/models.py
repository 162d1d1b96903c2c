"""The models of this pack, and each of them with each of its adapters."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.errors import json_response
from llamapack_runtime.api.naming import named
from llamapack_runtime.api.ready import shelves_of
from llamapack_runtime.api.service import LoadFailed, Loading, State, Unloaded
from llamapack_runtime.api.stock import Shelved

# As llama-server and OpenRouter tell it.
_SEES = {"input_modalities": ["text", "image"], "output_modalities": ["text"]}


async def models(http: HttpRequest) -> Response:
    return json_response({"object": "list", "data": list(_models(http))})


async def model(http: HttpRequest) -> Response:
    asked = http.path_params["name"]
    card = next((one for one in _models(http) if one["id"] == asked), None)
    if card is None:
        shelves = shelves_of(http)
        stock = named([one.stock for one in shelves], asked)
        card = _model(http, next(one for one in shelves if one.stock is stock))
    return json_response(card)


def _models(http: HttpRequest) -> Iterator[dict[str, object]]:
    """One of an adapter's name is the other with that adapter, as vLLM has it."""
    shelves = shelves_of(http)
    for one in shelves:
        card = _model(http, one) | (_status(one.state) if len(shelves) > 1 else {})
        yield card
        yield from (card | {"id": name, "parent": card["id"]} for name in one.stock.adapters.names)


def _model(http: HttpRequest, shelved: Shelved) -> dict[str, object]:
    card = shelved.stock.card
    return {
        "id": card.id,
        "object": "model",
        "created": http.app.state.started_ns // 10**9,
        "owned_by": "llamapack",
        "meta": {
            "n_ctx_train": card.context_length,
            "n_params": card.parameter_count,
            "size": card.size_bytes,
        },
        **({"architecture": _SEES} if card.sees_images else {}),
    }


def _status(state: State) -> dict[str, object]:
    """As llama-server tells it where it has several models."""
    match state:
        case Loading():
            return {"status": {"value": "loading"}}
        case LoadFailed():
            return {"status": {"value": "unloaded", "failed": True}}
        case Unloaded():
            return {"status": {"value": "unloaded"}}
    return {"status": {"value": "loaded"}}


ROUTES = [
    Route("/v1/models", models, methods=["GET"]),
    Route("/models", models, methods=["GET"]),
    Route("/v1/models/{name:path}", model, methods=["GET"]),
]
