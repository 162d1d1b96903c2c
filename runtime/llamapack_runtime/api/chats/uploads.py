"""Files on their way in: written to disk as they come, then read, one at a time: documents by a
child, pictures as they are."""

from __future__ import annotations

import asyncio
import errno
from functools import partial
from pathlib import Path

from starlette.requests import Request as HttpRequest

from llamapack_runtime.api.body import take_body
from llamapack_runtime.api.chats.temporary import Temporary
from llamapack_runtime.api.connection import while_connected
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.api.lane import Lane
from llamapack_runtime.api.ready import service_of
from llamapack_runtime.api.service import Service
from llamapack_runtime.files.errors import FileProblem, ProblemCode
from llamapack_runtime.files.picture_file import Picture, read_picture
from llamapack_runtime.files.types import Extracted
from llamapack_runtime.store.pictures import MAX_PICTURE_BYTES

MAX_UPLOADS = 8  # at once, of all pages
_RETRY_AFTER_S = 5
_BLOCK_BYTES = 1024 * 1024  # that are written at once
_STATUS: dict[ProblemCode, int] = {
    "unsupported_file": 415,
    "unreadable_file": 422,
    "too_large": 413,
}


class Uploads:
    """Of one program. Belongs to one event loop."""

    def __init__(self, service: Service) -> None:
        assert service.data_folder is not None, "there is a desk"
        self._folder = folder_of(service.data_folder)
        self._service = service
        self._reading = Lane(1, MAX_UPLOADS, "uploads")
        self._n_open = 0

    async def take(self, http: HttpRequest, name: str) -> tuple[Extracted | Picture, int]:
        """What the file in the request's body says or shows, and its length in bytes. ApiError
        when it says nothing, or cannot be taken; ClientGone when the client leaves meanwhile."""
        if self._n_open >= MAX_UPLOADS:
            message = f"{self._n_open} files are on their way already. Try again in a moment."
            raise ApiError(503, message, "server_busy", retry_after_s=_RETRY_AFTER_S)
        self._n_open += 1
        try:
            return await self._take(http, name)
        except FileProblem as problem:
            raise ApiError(_STATUS[problem.code], str(problem), problem.code) from problem
        except OSError as error:
            raise _refusal(error) from error
        finally:
            self._n_open -= 1

    async def _take(self, http: HttpRequest, name: str) -> tuple[Extracted | Picture, int]:
        temporary = await asyncio.to_thread(Temporary, self._folder)
        try:
            await _fill(temporary, http)
            read = self._reading.run(partial(self._read, temporary.path, name))
            return await while_connected(http.receive, read), temporary.size_bytes
        finally:
            await asyncio.to_thread(temporary.close)

    def _read(self, path: Path, name: str) -> Extracted | Picture:
        """Where no model sees, whoever reads documents says what to do with a picture."""
        if self._service.sees_images:
            picture = read_picture(path, name, MAX_PICTURE_BYTES)
            if picture is not None:
                return picture
        return self._service.extract(path, name)


def uploads_of(http: HttpRequest) -> Uploads:
    """The program's. Where files cannot be kept, nobody asks for it."""
    state = http.app.state
    if not hasattr(state, "uploads"):
        state.uploads = Uploads(service_of(http))
    found = state.uploads
    assert isinstance(found, Uploads), "set above"
    return found


def folder_of(data_folder: Path) -> Path:
    return data_folder / "uploads"


async def _fill(temporary: Temporary, http: HttpRequest) -> None:
    block = bytearray()

    async def take(piece: bytes) -> None:
        block.extend(piece)
        if len(block) >= _BLOCK_BYTES:
            await asyncio.to_thread(temporary.write, bytes(block))
            block.clear()

    await take_body(http, take)
    await asyncio.to_thread(temporary.write, bytes(block))


def _refusal(error: OSError) -> ApiError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        message = "The disk is full, so the file was not read. Free some space and try again."
        return ApiError(507, message, "storage_full")
    reason = error.strerror or str(error)
    return ApiError(500, f"The file could not be taken: {reason}.", "storage_error")
