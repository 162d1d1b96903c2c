"""Files that somebody talks about: taken, shown, deleted. Pictures are shown as they came, and are
never anything that a browser would run."""

from __future__ import annotations

import msgspec
from starlette.requests import Request as HttpRequest
from starlette.responses import Response
from starlette.routing import Route

from llamapack_runtime.api.body import FILES_PATH
from llamapack_runtime.api.chats.desk import Desk
from llamapack_runtime.api.chats.desks import desk_of
from llamapack_runtime.api.chats.uploads import uploads_of
from llamapack_runtime.api.errors import BadRequest, json_response
from llamapack_runtime.files.picture_file import Picture
from llamapack_runtime.files.picture_header import read_header
from llamapack_runtime.store.files import NewFile
from llamapack_runtime.store.types import FileInfo

MAX_NAME = 1000  # characters
# What was checked to begin as a picture does is shown as one, and as nothing else, wherever it is
# opened; what was deleted is not left in a browser.
_PICTURE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Disposition": "inline",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


async def upload(http: HttpRequest) -> Response:
    desk, name = await desk_of(http), _name(http)
    found, size_bytes = await uploads_of(http).take(http, name)
    if isinstance(found, Picture):
        tokens, kind = await desk.image_tokens(found.header), found.header.kind
        file = NewFile(name, kind, None, "", size_bytes, tokens, found.data)
    else:
        tokens = await desk.tokens(found.text)
        file = NewFile(name, found.kind, found.pages, found.text, size_bytes, tokens)
    info = await desk.ask(desk.store.files.add, file)
    desk.embed([info])
    return json_response(info, 201)


async def show(http: HttpRequest) -> Response:
    desk, file_id = await desk_of(http), http.path_params["file"]
    info = await desk.ask(desk.store.files.info, file_id)
    text = await desk.ask(desk.store.files.text, file_id)
    if info.tokens is None and (tokens := await _counted(desk, info, text)) is not None:
        info = await desk.ask(desk.store.files.set_tokens, file_id, tokens)
    return json_response({**msgspec.to_builtins(info), "text": text})


async def picture(http: HttpRequest) -> Response:
    desk, file_id = await desk_of(http), http.path_params["file"]
    info = await desk.ask(desk.store.files.info, file_id)
    data = await desk.ask(desk.store.files.picture, file_id)
    return Response(data, 200, _PICTURE_HEADERS, f"image/{info.kind}")


async def delete(http: HttpRequest) -> Response:
    desk = await desk_of(http)
    await desk.ask(desk.store.files.delete, http.path_params["file"])
    return Response(status_code=204)


async def _counted(desk: Desk, info: FileInfo, text: str) -> int | None:
    if not info.is_picture:
        return await desk.tokens(text)
    data = await desk.ask(desk.store.files.picture, info.id)
    return await desk.image_tokens(read_header(data))


def _name(http: HttpRequest) -> str:
    """Without folders, which some programs send along."""
    name = http.query_params.get("name", "").replace("\\", "/").rpartition("/")[2].strip()
    if not name:
        raise BadRequest("'name' is missing: say what the file is called.", "name")
    if len(name) > MAX_NAME:
        raise BadRequest(f"'name' may have {MAX_NAME} characters.", "name")
    return name


_FILE = f"{FILES_PATH}/{{file:str}}"
ROUTES = [
    Route(FILES_PATH, upload, methods=["POST"]),
    Route(_FILE, show, methods=["GET"]),
    Route(f"{_FILE}/picture", picture, methods=["GET"]),
    Route(_FILE, delete, methods=["DELETE"]),
]
