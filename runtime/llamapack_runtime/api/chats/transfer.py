"""Chats on their way out of the program and in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterator
from typing import Literal

from starlette.requests import Request as HttpRequest
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from llamapack_runtime.api.body import IMPORT_PATH, read_bytes
from llamapack_runtime.api.chats.desks import desk_of
from llamapack_runtime.api.errors import BadRequest, json_response

_KINDS: dict[str, tuple[Literal["json", "markdown"], str, str]] = {
    "json": ("json", "application/json", "chats.json"),
    "markdown": ("markdown", "text/markdown; charset=utf-8", "chats.md"),
}


async def export(http: HttpRequest) -> Response:
    """In pieces: there may be very many chats."""
    desk, query = await desk_of(http), http.query_params
    kind = _KINDS.get(query.get("format", "json"))
    if kind is None:
        raise BadRequest("'format' must be json or markdown.", "format")
    form, media_type, name = kind
    pieces = desk.store.export(form, query.get("chat"))
    first = await desk.ask(next, pieces, b"")  # what is wrong shows here
    headers = {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
    }
    return StreamingResponse(_all(first, pieces), 200, headers, media_type)


async def _all(first: bytes, pieces: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
    piece = first
    while piece:
        yield piece
        piece = await asyncio.to_thread(next, pieces, b"")


async def import_(http: HttpRequest) -> Response:
    desk = await desk_of(http)
    data = await read_bytes(http)
    added = await desk.ask(desk.store.import_, data)
    desk.board.tell("imported", added)
    return json_response(added, 201)


ROUTES = [
    Route("/llamapack/chats/export", export, methods=["GET"]),
    Route(IMPORT_PATH, import_, methods=["POST"]),
]
