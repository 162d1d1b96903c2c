"""GET /openapi.json and /docs."""

from __future__ import annotations

import asyncio

import msgspec
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from llamapack_runtime.api.openapi.examples import BASE
from llamapack_runtime.api.ready import service_of

PAGE = "docs.html"


async def openapi(http: Request) -> Response:
    """Made when it is asked for the first time; what differs is the address in it."""
    state = http.app.state
    if not hasattr(state, "openapi"):
        about = service_of(http).about
        state.openapi = await asyncio.to_thread(_build, about.name, about.llamapack_version)
    address = msgspec.json.encode(str(http.base_url).removesuffix("/"))[1:-1]
    data = state.openapi.replace(BASE.encode(), address)
    headers = {"Cache-Control": "no-cache"}
    return Response(data, 200, headers, media_type="application/json")


def _build(name: str, version: str) -> bytes:
    # The requests of all dialects at once: what the page and the model must not wait for.
    from llamapack_runtime.api.openapi.document import build

    return msgspec.json.encode(build(name, version))


async def docs(_http: Request) -> Response:
    return RedirectResponse(PAGE)


ROUTES = [
    Route("/openapi.json", openapi, methods=["GET"]),
    Route("/docs", docs, methods=["GET"]),
]
