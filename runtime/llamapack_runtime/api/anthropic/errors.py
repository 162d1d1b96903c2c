"""Anthropic's errors: {"type": "error", "error": {type, message}, "request_id"}."""

from __future__ import annotations

import secrets

from starlette.responses import Response

from llamapack_runtime.api.errors import ApiError, json_response

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    501: "invalid_request_error",  # what this model does not have: there is no other type for it
    503: "overloaded_error",
    504: "timeout_error",
}


def new_request_id() -> str:
    return f"req_{secrets.token_hex(12)}"


def as_dict(error: ApiError, request_id: str) -> dict[str, object]:
    usual = "api_error" if error.status >= 500 else "invalid_request_error"
    shown = {"type": _TYPES.get(error.status, usual), "message": str(error)}
    return {"type": "error", "error": shown, "request_id": request_id}


def as_response(error: ApiError) -> Response:
    request_id = new_request_id()
    headers = error.headers | {"request-id": request_id}
    if error.status == 501:
        headers["x-should-retry"] = "false"  # Anthropic's clients try again after any 5xx
    return json_response(as_dict(error, request_id), error.status, headers)
