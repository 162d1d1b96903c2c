"""Text-generation-inference's errors: {"error": "a sentence", "error_type": "a word"}."""

from __future__ import annotations

from starlette.responses import Response

from llamapack_runtime.api.errors import ApiError, json_response

# What the paths of this dialect begin with.
PATHS = ("/generate", "/info")


def as_dict(error: ApiError) -> dict[str, object]:
    """With the words for `error_type` that its clients know."""
    if error.status in (429, 503):
        kind = "overloaded"
    elif error.status in (400, 413, 414, 415, 422, 431, 501):
        kind = "validation"
    else:
        kind = "generation"
    return {"error": str(error), "error_type": kind}


def as_response(error: ApiError) -> Response:
    return json_response(as_dict(error), error.status, error.headers)
