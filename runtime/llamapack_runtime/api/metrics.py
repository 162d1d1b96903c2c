"""GET /metrics: how the program is doing, for Prometheus. Zeros while there is no model yet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.ready import service_of
from llamapack_runtime.api.service import Ready, ReadyToEmbed
from llamapack_runtime.engine.types import EngineStats


async def metrics(request: Request) -> Response:
    exposition = await asyncio.to_thread(_load)
    service = service_of(request)
    state = service.state
    is_ready = isinstance(state, Ready | ReadyToEmbed)
    stats = state.session.stats() if isinstance(state, Ready) else EngineStats()
    text, content_type = exposition(stats, service.measures, is_ready=is_ready)
    return Response(text, 200, {"Cache-Control": "no-store", "Content-Type": content_type})


def _load() -> Callable[..., tuple[bytes, str]]:
    # prometheus_client: what the page and the model must not wait for.
    from llamapack_runtime.api.exposition import exposition

    return exposition


ROUTES = [Route("/metrics", metrics, methods=["GET"])]
