"""Errors that a client sees, in OpenAI's shape: {"error": {message, type, code, param}}.

ApiError            any status
├── BadRequest      400, names the parameter
└── NotReady        503 with Retry-After
ClientGone          nobody is left to answer to
"""

from __future__ import annotations

import logging

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.engine.types import Failed

logger = logging.getLogger(__name__)

# 499: the client closed the connection; nobody will see it.
STATUS_CLIENT_GONE = 499
_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    501: "not_supported_error",
    503: "unavailable_error",
}


class ApiError(Exception):
    """The message is one sentence. `code` is a short word, `param` names the request's field."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str | None = None,
        param: str | None = None,
        retry_after_s: int | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.param = param
        self.retry_after_s = retry_after_s

    @classmethod
    def from_failure(cls, failure: Failed) -> ApiError:
        """What the engine says of a request that it could not run."""
        retry_after_s = failure.retry_after_s
        if retry_after_s is None and failure.status in (429, 503):
            retry_after_s = 1
        return cls(failure.status, failure.message, failure.code, None, retry_after_s)

    @property
    def type(self) -> str:
        usual = "server_error" if self.status >= 500 else "invalid_request_error"
        return _TYPES.get(self.status, usual)

    def as_dict(self) -> dict[str, object]:
        error = {
            "message": str(self),
            "type": self.type,
            "param": self.param,
            "code": self.code,
        }
        return {"error": error}

    def as_response(self) -> Response:
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return json_response(self.as_dict(), self.status, headers)


class BadRequest(ApiError):  # noqa: N818 - the name of the status
    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(400, message, code or "invalid_value", param)


class NotReady(ApiError):  # noqa: N818 - the name of the state
    def __init__(self, message: str, code: str) -> None:
        super().__init__(503, message, code, retry_after_s=1)


class ClientGone(Exception):  # noqa: N818 - an event more than an error
    """The client closed its connection; its work has been given up."""


def json_response(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")


async def show_api_error(_request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError), "registered for ApiError"
    return error.as_response()


async def show_http_error(request: Request, error: Exception) -> Response:
    """What the router itself refuses: no such route, or another method."""
    assert isinstance(error, HTTPException), "registered for HTTPException"
    path = request.url.path
    sentences = {
        404: f"There is nothing at {path}.",
        405: f"{path} does not answer to {request.method}.",
        413: "The request body is too large.",
    }
    message = sentences.get(error.status_code, str(error.detail))
    codes = {404: "not_found", 405: "method_not_allowed", 413: "request_too_large"}
    response = ApiError(error.status_code, message, codes.get(error.status_code)).as_response()
    response.headers.update(error.headers or {})
    return response


async def show_chat_error(_request: Request, error: Exception) -> Response:
    """The chat core refuses the messages."""
    assert isinstance(error, ChatError), "registered for ChatError"
    return ApiError(error.status, str(error), error.code, "messages").as_response()


async def show_engine_error(_request: Request, error: Exception) -> Response:
    """The model was closed between two steps of a request: the process is stopping."""
    logger.warning("The engine refused a request: %s", type(error).__name__)
    return NotReady("The program is stopping.", "shutting_down").as_response()


async def show_client_gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=STATUS_CLIENT_GONE)


async def show_unexpected(_request: Request, error: Exception) -> Response:
    logger.error("A request failed: %s", type(error).__name__)
    message = "The program failed on this request; see its log."
    return ApiError(500, message, "internal_error").as_response()
