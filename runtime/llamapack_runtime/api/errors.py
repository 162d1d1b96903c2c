"""Errors that a client sees, in OpenAI's shape: {"error": {message, type, code, param}}.

ApiError                        any status
├── BadRequest                  400, names the parameter
│   ├── MissingParameter
│   ├── UnknownParameter
│   └── UnsupportedParameter
├── TextOnly                    501, names what the model cannot read
└── NotReady                    503 with Retry-After
ClientGone                      nobody is left to answer to
"""

from __future__ import annotations

import msgspec
from starlette.responses import Response

from llamapack_runtime.engine.types import Failed

_TYPES = {
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    429: "rate_limit_error",
    501: "not_supported_error",
    503: "unavailable_error",
}
_MAX_QUOTED = 100  # characters: what comes from a client may be of any length


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

    @property
    def headers(self) -> dict[str, str]:
        """What goes with it in every dialect."""
        headers = {} if self.retry_after_s is None else {"Retry-After": str(self.retry_after_s)}
        if self.status == 401:
            headers["WWW-Authenticate"] = "Bearer"
        return headers

    def as_response(self) -> Response:
        return json_response(self.as_dict(), self.status, self.headers)


class BadRequest(ApiError):  # noqa: N818 - the name of the status
    def __init__(self, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(400, message, code or "invalid_value", param)


class MissingParameter(BadRequest):
    def __init__(self, param: str) -> None:
        message = f"The parameter '{param}' is missing."
        super().__init__(message, param, "missing_required_parameter")


class UnknownParameter(BadRequest):
    def __init__(self, param: str) -> None:
        param = param[:_MAX_QUOTED]
        super().__init__(f"There is no parameter '{param}'.", param, "unknown_parameter")


class UnsupportedParameter(BadRequest):
    """Known elsewhere, and not to be had here."""

    def __init__(self, param: str) -> None:
        message = f"The parameter '{param}' is not supported by this program; leave it out."
        super().__init__(message, param, "unsupported_parameter")


class TextOnly(ApiError):  # noqa: N818 - what the model is
    """`what` it cannot read, such as images."""

    def __init__(self, what: str, param: str) -> None:
        message = f"'{param}': this model reads text only, no {what}."
        super().__init__(501, message, "unsupported_modality", param)


class NotReady(ApiError):  # noqa: N818 - the name of the state
    def __init__(self, message: str, code: str) -> None:
        super().__init__(503, message, code, retry_after_s=1)


class ClientGone(Exception):  # noqa: N818 - an event more than an error
    """The client closed its connection; its work has been given up."""


def json_response(
    value: object, status: int = 200, headers: dict[str, str] | None = None
) -> Response:
    return Response(msgspec.json.encode(value), status, headers, media_type="application/json")
