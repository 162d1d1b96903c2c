"""The query parameter that says how many things a list shall have."""

from __future__ import annotations

from starlette.requests import Request as HttpRequest

from llamapack_runtime.api.errors import BadRequest


def page_limit(http: HttpRequest, *, default: int, most: int) -> int:
    """The query's `limit`. BadRequest unless it lies between 1 and `most`."""
    asked = http.query_params.get("limit")
    if asked is None:
        return default
    if asked.isascii() and asked.isdecimal() and len(asked) <= 9 and 1 <= int(asked) <= most:
        return int(asked)
    raise BadRequest(f"'limit' must be a number from 1 to {most}.", "limit")
