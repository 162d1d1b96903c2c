"""llama-server's errors: {"error": {code, message, type}}, where `code` is the HTTP status.

We add `param`, the name of the request's field, where there is one."""

from __future__ import annotations

from starlette.responses import Response

from llamapack_runtime.api.errors import ApiError, json_response

# What the paths of this dialect begin with.
PATHS = (
    "/completion",
    "/infill",
    "/tokenize",
    "/detokenize",
    "/apply-template",
    "/props",
    "/slots",
    "/lora-adapters",
)


class ContextExceeded(ApiError):  # noqa: N818 - what happened
    """The prompt has more tokens than the context."""

    def __init__(self, message: str, n_prompt_tokens: int, n_ctx: int) -> None:
        super().__init__(400, message, "context_length_exceeded")
        self.n_prompt_tokens = n_prompt_tokens
        self.n_ctx = n_ctx

    @property
    def type(self) -> str:
        return "exceed_context_size_error"


def as_dict(error: ApiError) -> dict[str, object]:
    shown: dict[str, object] = {
        "code": error.status,
        "message": str(error),
        "type": error.type,
    }
    if error.param is not None:
        shown["param"] = error.param
    if isinstance(error, ContextExceeded):
        shown |= {"n_prompt_tokens": error.n_prompt_tokens, "n_ctx": error.n_ctx}
    return {"error": shown}


def as_response(error: ApiError) -> Response:
    return json_response(as_dict(error), error.status, error.headers)
