"""The chat page and its files. Only files that were there at the start are served."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Mapping
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

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


def web_app(web_root: Path) -> ASGIApp:
    """Answers whatever no route takes: with a file of a known type under `web_root`, or 404."""
    files = _find_files(web_root)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        response = await _response(Request(scope), files)
        await response(scope, receive, send)

    return serve


def _find_files(web_root: Path) -> Mapping[str, Path]:
    return {
        path.relative_to(web_root).as_posix(): path
        for path in sorted(web_root.rglob("*"))
        if path.suffix in TYPES and path.is_file()
    }


async def _response(request: Request, files: Mapping[str, Path]) -> Response:
    path = files.get(request.url.path.removeprefix("/") or INDEX)
    if path is None or request.method not in ("GET", "HEAD"):
        raise ApiError(404, f"There is nothing at {request.url.path}.", "not_found")
    data = await asyncio.to_thread(path.read_bytes)
    tag = f'"{hashlib.sha256(data).hexdigest()[:32]}"'
    # no-cache: kept by the browser but asked for again, so that another pack on the same port
    # never shows an old page.
    headers = {"ETag": tag, "Cache-Control": "no-cache"}
    if tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(data, 200, headers | {"Content-Type": TYPES[path.suffix]})
