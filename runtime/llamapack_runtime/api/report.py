"""GET /llamapack/report: what somebody sends along when something does not work."""

from __future__ import annotations

import asyncio

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.ready import service_of


async def report(request: Request) -> Response:
    make = service_of(request).report
    if make is None:
        raise ApiError(501, "This program makes no report of itself.", "not_supported")
    return PlainTextResponse(await asyncio.to_thread(make), 200, {"Cache-Control": "no-store"})


ROUTES = [Route("/llamapack/report", report, methods=["GET"])]
