"""Reads a request's body within bounds, once, and turns one of JSON into a typed struct."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from llamapack_runtime.api.errors import ApiError, BadRequest, ClientGone
from llamapack_runtime.api.json_text import parse
from llamapack_runtime.api.preparing import prepare

MAX_BODY_BYTES = 16 * 1024 * 1024
# Of the few routes that take more: all the chats that somebody kept elsewhere, and documents.
IMPORT_PATH = "/llamapack/chats/import"
FILES_PATH = "/llamapack/files"
_OTHER_LIMITS = {IMPORT_PATH: 128 * 1024 * 1024, FILES_PATH: 64 * 1024 * 1024}
# A body may take this long, and longer by what it has brought at this rate.
BODY_PATIENCE_S = 30.0
LEAST_BYTES_PER_S = 16 * 1024
MAX_QUOTED = 200  # characters
# Larger ones are not parsed on the event loop: a millisecond for each 30 KB at worst.
_QUICK_BYTES = 64 * 1024

Struct = TypeVar("Struct", bound=msgspec.Struct)

_PLACE = re.compile(r"(?s)(.*?)(?: - at (?:`key` in )?`\$\.?(.*)`)?")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`")
_MISSING = re.compile(r"Object missing required field `(.*?)`")


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. BadRequest when it is none, 408 when it comes too slowly, 413
    when it is too long, 415 when a web page sends it as something else."""
    value = await _read_json(request)
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.", code="invalid_json")
    return value


async def read_list(request: Request) -> list[Any]:
    """The body as a JSON array; see `read_object`."""
    value = await _read_json(request)
    if not isinstance(value, list):
        raise BadRequest("The body must be a JSON array.", code="invalid_json")
    return value


def most_bytes(path: str) -> int:
    """The length of the longest body that a route takes."""
    return _OTHER_LIMITS.get(path, MAX_BODY_BYTES)


async def _read_json(request: Request) -> Any:
    data = await read_bytes(request)
    if len(data) <= _QUICK_BYTES:
        return parse(data)
    return await prepare(request, parse, data)


def require_json(request: Request) -> None:
    """Browsers send some types to any address without asking first, JSON never. ApiError 415."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        raise ApiError(415, "Send this request as application/json.", "unsupported_media_type")


async def read_bytes(request: Request) -> bytearray:
    """The body of JSON as it is; raises as `read_object`."""
    if "origin" in request.headers:  # programs name all kinds of types, or none
        require_json(request)
    data = bytearray()

    async def add(piece: bytes) -> None:
        data.extend(piece)

    await take_body(request, add)
    return data


async def take_body(request: Request, take: Callable[[bytes], Awaitable[None]]) -> None:
    """Hand the body over as it comes, whatever it is. ApiError 408 when it comes too slowly, 413
    when it is too long; ClientGone when its end never comes."""
    path, loop = request.url.path, asyncio.get_running_loop()
    started, size = loop.time(), 0
    try:
        async with asyncio.timeout(BODY_PATIENCE_S) as patience:
            async for piece in request.stream():
                size += len(piece)
                if size > most_bytes(path):
                    raise too_large(path)
                await take(piece)
                patience.reschedule(started + BODY_PATIENCE_S + size / LEAST_BYTES_PER_S)
    except ClientDisconnect:
        raise ClientGone from None
    except TimeoutError:
        message = f"The request body did not come within {BODY_PATIENCE_S:g} seconds."
        raise ApiError(408, message, "request_timeout") from None


def too_large(path: str) -> ApiError:
    message = f"The request body is larger than {most_bytes(path) >> 20} MiB."
    return ApiError(413, message, "request_too_large")


def to_struct(value: Mapping[str, Any], kind: type[Struct]) -> Struct:
    """Check the fields. BadRequest that names the first one that is unknown or wrong."""
    try:
        return msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        raise _explain(str(error)) from None
    except RecursionError:
        raise BadRequest("The body's JSON is nested too deeply.", code="invalid_json") from None


def _explain(text: str) -> BadRequest:
    """From msgspec's words to a sentence and the field's name."""
    match = _PLACE.fullmatch(text)
    problem, place = (match[1], match[2] or "") if match else (text, "")
    for pattern, code, words in (
        (_UNKNOWN, "unknown_parameter", "There is no parameter '{}'."),
        (_MISSING, "missing_required_parameter", "The parameter '{}' is missing."),
    ):
        found = pattern.fullmatch(problem)
        if found:
            name = _cut(f"{place}.{found[1]}" if place else found[1])
            return BadRequest(words.format(name), name, code)
    words = _cut(f"{problem[:1].lower()}{problem[1:]}")
    message = f"The parameter '{_cut(place)}' is wrong: {words}."
    return BadRequest(message, _cut(place) or None, "invalid_type")


def _cut(text: str) -> str:
    """What comes from a client may be of any length."""
    return text if len(text) <= MAX_QUOTED else text[:MAX_QUOTED] + "..."
