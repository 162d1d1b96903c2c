"""From what the routes raise to what the client sees, in the shape of the path's dialect."""

from __future__ import annotations

import logging
from collections.abc import Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from llamapack_runtime.api.anthropic import errors as anthropic
from llamapack_runtime.api.errors import ApiError, NotReady
from llamapack_runtime.api.llamacpp import errors as llamacpp
from llamapack_runtime.api.ollama import errors as ollama
from llamapack_runtime.api.tgi import errors as tgi
from llamapack_runtime.chat.errors import About, ChatError

logger = logging.getLogger(__name__)

# 499: the client closed the connection; nobody will see it.
STATUS_CLIENT_GONE = 499

# By what the path begins with; all others are OpenAI's.
_SHAPES: tuple[tuple[str, Callable[[ApiError], Response]], ...] = (
    ("/api/", ollama.as_response),
    ("/v1/messages", anthropic.as_response),
    *((path, llamacpp.as_response) for path in llamacpp.PATHS),
    *((path, tgi.as_response) for path in tgi.PATHS),
)


# What a dialect calls the parts of a `chat.types.Chat`, where it is something else.
_FIELDS: tuple[tuple[str, dict[About, str]], ...] = (
    ("/api/generate", {"messages": "prompt", "thinking": "think"}),
    ("/api/", {"thinking": "think"}),
    ("/v1/messages", {"format": "output_config.format"}),
    ("/v1/responses", {"messages": "input", "format": "text.format", "thinking": "reasoning"}),
    ("/llamapack/", {}),
    (
        "/",
        {
            "format": "response_format",
            "thinking": "chat_template_kwargs.enable_thinking",
            "template_variables": "chat_template_kwargs",
        },
    ),
)


def error_response(error: ApiError, path: str) -> Response:
    for prefix, as_response in _SHAPES:
        if path.startswith(prefix):
            return as_response(error)
    return error.as_response()


async def show_api_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError), "registered for ApiError"
    return error_response(error, request.url.path)


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
    refusal = ApiError(error.status_code, message, codes.get(error.status_code))
    response = error_response(refusal, path)
    response.headers.update(error.headers or {})
    return response


async def show_chat_error(request: Request, error: Exception) -> Response:
    """The chat core refuses the messages, or what is wanted of the answer."""
    assert isinstance(error, ChatError), "registered for ChatError"
    path = request.url.path
    refusal = ApiError(error.status, str(error), error.code, _field(error, path))
    return error_response(refusal, path)


def _field(error: ChatError, path: str) -> str:
    names = next((names for prefix, names in _FIELDS if path.startswith(prefix)), {})
    return error.place or names.get(error.about, error.about)


async def show_engine_error(request: Request, error: Exception) -> Response:
    """The model was closed between two steps of a request: the process is stopping."""
    logger.warning("The engine refused a request: %s", type(error).__name__)
    refusal = NotReady("The program is stopping.", "shutting_down")
    return error_response(refusal, request.url.path)


async def show_client_gone(_request: Request, _error: Exception) -> Response:
    return Response(status_code=STATUS_CLIENT_GONE)


async def show_unexpected(request: Request, error: Exception) -> Response:
    logger.error("A request failed: %s", type(error).__name__)
    message = "The program failed on this request; see its log."
    return error_response(ApiError(500, message, "internal_error"), request.url.path)
