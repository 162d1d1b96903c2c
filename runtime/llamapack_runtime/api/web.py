"""The chat page and its files. Only files that were there at the start are served."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.errors import ApiError

INDEX = "index.html"
TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".txt": "text/plain; charset=utf-8",
}


def web_routes(web_root: Path) -> list[Route]:
    """Routes for every file of a known type under `web_root`."""
    files = _find_files(web_root)

    async def serve(request: Request) -> Response:
        return await _serve(request, files)

    return [
        Route("/", serve, methods=["GET"]),
        Route("/{path:path}", serve, methods=["GET"]),
    ]


def _find_files(web_root: Path) -> Mapping[str, Path]:
    return {
        path.relative_to(web_root).as_posix(): path
        for path in sorted(web_root.rglob("*"))
        if path.suffix in TYPES and path.is_file()
    }


async def _serve(request: Request, files: Mapping[str, Path]) -> Response:
    name = request.path_params.get("path", "") or INDEX
    path = files.get(name)
    if path is None:
        raise ApiError(404, f"There is nothing at {request.url.path}.", "not_found")
    data = await asyncio.to_thread(path.read_bytes)
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    # no-cache: kept by the browser but asked for again, so that another pack on the same port
    # never shows an old page.
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, 200, headers | {"Content-Type": TYPES[path.suffix]})
