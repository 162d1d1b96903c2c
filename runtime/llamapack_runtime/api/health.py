"""GET /health: 200 when the model answers, else 503 in llama-server's shape with the progress."""

from __future__ import annotations

import dataclasses

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.errors import json_response
from llamapack_runtime.api.ready import service_of
from llamapack_runtime.api.service import LoadFailed, Loading, State

PATHS = ("/health", "/v1/health", "/healthz", "/readyz")


async def health(request: Request) -> Response:
    headers = {"Cache-Control": "no-store"}
    state = service_of(request).state
    if isinstance(state, Loading | LoadFailed):
        return json_response(_unavailable(state), 503, headers | {"Retry-After": "1"})
    return json_response({"status": "ok"}, 200, headers)


def _unavailable(state: State) -> dict[str, object]:
    if isinstance(state, LoadFailed):
        return {"error": _error(state.sentence), "failed": state.sentence, "code": state.code}
    return {"error": _error("Loading model"), "loading": dataclasses.asdict(state)}


def _error(message: str) -> dict[str, object]:
    return {"code": 503, "message": message, "type": "unavailable_error"}


ROUTES = [Route(path, health, methods=["GET"]) for path in PATHS]
