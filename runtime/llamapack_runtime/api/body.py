"""Reads a request's JSON body within bounds, once, and turns it into a typed struct."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec
from starlette.requests import ClientDisconnect, Request

from llamapack_runtime.api.errors import ApiError, BadRequest, ClientGone

MAX_BODY_BYTES = 16 * 1024 * 1024

Struct = TypeVar("Struct", bound=msgspec.Struct)

_PLACE = re.compile(r"(?s)(.*?)(?: - at `(?:key in )?\$\.?(.*)`)?")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`")
_MISSING = re.compile(r"Object missing required field `(.*?)`")


async def read_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. BadRequest when it is none, 413 when it is too long."""
    data = bytearray()
    try:
        async for chunk in request.stream():
            data += chunk
            if len(data) > MAX_BODY_BYTES:
                raise too_large()
    except ClientDisconnect:
        raise ClientGone from None
    try:
        value = msgspec.json.decode(data)
    except msgspec.DecodeError as error:
        raise BadRequest(f"The body is not valid JSON: {error}.", code="invalid_json") from None
    except RecursionError:
        raise BadRequest("The body's JSON is nested too deeply.", code="invalid_json") from None
    if not isinstance(value, dict):
        raise BadRequest("The body must be a JSON object.", code="invalid_json")
    return value


def too_large() -> ApiError:
    message = f"The request body is larger than {MAX_BODY_BYTES >> 20} MiB."
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
            name = f"{place}.{found[1]}" if place else found[1]
            return BadRequest(words.format(name), name, code)
    message = f"The parameter '{place}' is wrong: {problem[:1].lower()}{problem[1:]}."
    return BadRequest(message, place or None, "invalid_type")
