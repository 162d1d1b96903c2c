"""The refusals of every route in OpenAPI's words: an example of each is what the program sends."""

from __future__ import annotations

from typing import Any

import msgspec

from llamapack_runtime.api.error_handlers import error_response
from llamapack_runtime.api.errors import ApiError

Json = dict[str, Any]
MEANINGS = {
    400: "The request is wrong; the sentence says what, and names the parameter.",
    401: "A key is needed.",
    403: "The request comes from another site or by another name, or its key may not do this.",
    404: "There is no such thing, or among several models none of that name.",
    405: "The route does not answer to this method.",
    408: "The request came too slowly.",
    409: "Something else is under way that excludes this.",
    413: "The body is larger than 16 MiB, a file or chats to import than some more.",
    414: "The address is longer than 8 KiB.",
    415: "A web page sent something else than application/json, or a file is of no known kind.",
    422: "A file of a known kind cannot be read.",
    429: "Too many requests wait; Retry-After says when to come again.",
    431: "There are more than 100 headers, or more than 32 KiB of them.",
    500: "The program failed; its log says how.",
    501: "This program, or this model, cannot do that.",
    503: "The model is loading, unusable or busy; Retry-After says when to come again.",
    504: "The answer took longer than --timeout.",
    507: "The disk is full.",
}
_TEXT = {"type": "string"}
_CODE = {"type": ["string", "integer", "null"]}
_ERROR = {
    "type": "object",
    "properties": {
        "message": _TEXT,
        "type": _TEXT,
        "code": _CODE,
        "param": {"type": ["string", "null"]},
    },
    "required": ["message", "type"],
}
SCHEMAS: Json = {
    "Error": {"type": "object", "properties": {"error": _ERROR}, "required": ["error"]},
    "Error.Anthropic": {
        "type": "object",
        "properties": {"type": {"const": "error"}, "error": _ERROR, "request_id": _TEXT},
        "required": ["type", "error", "request_id"],
    },
    "Error.TGI": {
        "type": "object",
        "properties": {"error": _TEXT, "error_type": _TEXT},
        "required": ["error", "error_type"],
    },
    "Error.Ollama": {"type": "object", "properties": {"error": _TEXT}, "required": ["error"]},
}


def reference(path: str, status: int) -> Json:
    return {"$ref": f"#/components/responses/{_shape(_example(path, status))}.{status}"}


def response(path: str, status: int) -> tuple[str, Json]:
    """Its name among the components, and what it is."""
    example = _example(path, status)
    shape = _shape(example)
    content = {"schema": {"$ref": f"#/components/schemas/{shape}"}, "example": example}
    found: Json = {"description": MEANINGS[status], "content": {"application/json": content}}
    if status in (429, 503):
        found["headers"] = {
            "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds"}
        }
    return f"{shape}.{status}", found


def _example(path: str, status: int) -> Json:
    error = ApiError(status, MEANINGS[status], "a_short_word", retry_after_s=1)
    shown: Json = msgspec.json.decode(error_response(error, path).body)
    if "request_id" in shown:
        shown["request_id"] = "req_0123456789abcdef01234567"  # else each document were another
    return shown


def _shape(example: Json) -> str:
    if "error_type" in example:
        return "Error.TGI"
    if isinstance(example["error"], str):
        return "Error.Ollama"
    return "Error.Anthropic" if "request_id" in example else "Error"
