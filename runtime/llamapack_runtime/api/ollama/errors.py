"""Ollama's errors: {"error": "a sentence"}."""

from __future__ import annotations

from starlette.responses import Response

from llamapack_runtime.api.errors import ApiError, json_response


def as_dict(error: ApiError) -> dict[str, object]:
    return {"error": str(error)}


def as_response(error: ApiError) -> Response:
    return json_response(as_dict(error), error.status, error.headers)
