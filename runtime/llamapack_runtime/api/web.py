"""The chat page and its files. Only files that were there at the start are served."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from llamapack_runtime.pack.brand import LANGUAGES

INDEX = "index.html"
# As it stands in the page, which offers all of them.
ALL_LANGUAGES = f'data-languages="{" ".join(LANGUAGES)}"'.encode()
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

_IMPORT = re.compile(rb'^@import "([\w-]+\.css)";$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class PageFile:
    """`tag` tells its bytes from those of other files."""

    media_type: str
    data: bytes
    tag: str

    @classmethod
    def of(cls, media_type: str, data: bytes) -> Self:
        return cls(media_type, data, f'"{hashlib.sha256(data).hexdigest()[:32]}"')


def web_app(web_root: Path, otherwise: ASGIApp, languages: Sequence[str] = ()) -> ASGIApp:
    """Answers with a file of a known type under `web_root`; else `otherwise` does. The page offers
    `languages`; none: all that it has."""
    paths = _find_files(web_root)
    # A page asks for dozens at once, half a megabyte together.
    files: dict[Path, PageFile] = {}

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        path = paths.get(scope["path"].removeprefix("/") or INDEX)
        if path is None or scope["method"] not in ("GET", "HEAD"):
            await otherwise(scope, receive, send)
            return
        if path not in files:
            files[path] = await asyncio.to_thread(_read, path, languages)
        response = file_response(Request(scope), files[path])
        await response(scope, receive, send)

    return serve


def _find_files(web_root: Path) -> Mapping[str, Path]:
    return {
        path.relative_to(web_root).as_posix(): path
        for path in sorted(web_root.rglob("*"))
        if path.suffix in TYPES and path.is_file()
    }


def _read(path: Path, languages: Sequence[str]) -> PageFile:
    data = _joined(path) if path.suffix == ".css" else path.read_bytes()
    if path.name == INDEX and languages:
        # In the page itself: its first words must not be in another one.
        offered = f'data-languages="{" ".join(languages)}"'.encode()
        data = data.replace(ALL_LANGUAGES, offered, 1)
    return PageFile.of(TYPES[path.suffix], data)


def _joined(path: Path) -> bytes:
    """A style sheet with those of its folder that it imports: a browser would ask for each of
    them, and paint nothing meanwhile."""
    return _IMPORT.sub(lambda line: _joined(path.with_name(line[1].decode())), path.read_bytes())


def file_response(request: Request, file: PageFile) -> Response:
    """The file, or 304 where the browser has it."""
    # no-cache: kept by the browser but asked for again, so that another pack on the same port
    # never shows an old page.
    headers = {"ETag": file.tag, "Cache-Control": "no-cache"}
    if file.tag in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(file.data, 200, headers | {"Content-Type": file.media_type})
