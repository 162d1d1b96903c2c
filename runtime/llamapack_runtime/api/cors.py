"""Web pages of other origins that the owner allows: answers to their browser's questions.

Never with credentials: such a page sends a key of its own, if one is needed.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Scope

_METHODS = "GET, HEAD, POST, PATCH, DELETE"
_NAMES = re.compile(r"[A-Za-z0-9-]{1,64}(?:, ?[A-Za-z0-9-]{1,64}){0,63}")
_USUAL_NAMES = "authorization, x-api-key, anthropic-version, content-type"
_AGE_S = 600


def is_preflight(headers: Headers, scope: Scope) -> bool:
    return scope["method"] == "OPTIONS" and "access-control-request-method" in headers


def preflight_response(headers: Headers) -> Response:
    """Any header may be sent: clients add many of their own, and none opens anything here."""
    asked = headers.get("access-control-request-headers", "")
    words = {
        "Access-Control-Allow-Methods": _METHODS,
        "Access-Control-Allow-Headers": asked if _NAMES.fullmatch(asked) else _USUAL_NAMES,
        "Access-Control-Max-Age": str(_AGE_S),
    }
    # A page on the internet asks before it talks to a computer in a home network.
    if headers.get("access-control-request-private-network") == "true":
        words["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=words)


def headers_for(origin: str) -> dict[str, str]:
    """On every answer to a page of an allowed origin, refusals too."""
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Retry-After",
    }
