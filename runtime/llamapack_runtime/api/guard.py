"""Who may ask: Host, Origin and key, checked before any route, and headers on every answer.

Host: a web page elsewhere can point its own name at this computer (DNS rebinding); its requests
then carry that name. Origin: a page elsewhere can send requests here without reading the answers.
Key: on an address that others can reach, every route needs it, the page included.
"""

from __future__ import annotations

import hmac
import re
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llamapack_runtime.api.access import Access
from llamapack_runtime.api.body import MAX_BODY_BYTES, too_large
from llamapack_runtime.api.errors import ApiError

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; font-src 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "form-action 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}
COOKIE = "llamapack_key"

_HOST = re.compile(r"(?:\[([0-9A-Fa-f:.]+)\]|([^\[\]:]+))(?::[0-9]+)?")


class Guard:
    """ASGI middleware around the whole application."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = app
        self._access = access
        self._tickets = {access.ticket}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        try:
            response = self._check(scope)
        except ApiError as error:
            response = _shown(error, scope)
        await (response or self._app)(scope, receive, send_guarded)

    def _check(self, scope: Scope) -> Response | None:
        """None to go on, a response of our own, or ApiError."""
        headers = Headers(scope=scope)
        self._check_host(headers)
        _check_origin(headers, scope)
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > MAX_BODY_BYTES:
            raise too_large()
        return self._check_key(headers, scope)

    def _check_host(self, headers: Headers) -> None:
        host = headers.get("host", "")
        if not self._access.allows_host(_host_name(host)):
            raise ApiError(
                403,
                f"This program does not answer to the name '{host[:100]}'; use localhost or the "
                "address that it printed.",
                "wrong_host",
            )

    def _check_key(self, headers: Headers, scope: Scope) -> Response | None:
        key = self._access.api_key
        if key is None:
            return None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer" and _equal(given.strip(), key):
            return None
        if any(_equal(value, self._access.cookie_value) for value in _cookies(headers, scope)):
            return None
        asked = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0]
        is_page = scope["path"] == "/" and scope["method"] == "GET"
        if is_page and (_equal(asked, key) or self._takes_ticket(asked)):
            return self._open_page(scope)
        raise ApiError(
            401,
            "This program needs its key: send 'Authorization: Bearer KEY', or open the address "
            "that it printed, which ends in ?key=.",
            "invalid_api_key",
        )

    def _takes_ticket(self, asked: str) -> bool:
        """Once."""
        found = {ticket for ticket in self._tickets if _equal(asked, ticket)}
        self._tickets -= found
        return bool(found)

    def _open_page(self, scope: Scope) -> Response:
        """Exchange the key in the address for a cookie, so that it does not stay in the bar."""
        response = RedirectResponse("/", HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
        value, name = self._access.cookie_value, _cookie_name(scope)
        response.set_cookie(name, value, httponly=True, samesite="strict", path="/")
        return response


def _check_origin(headers: Headers, scope: Scope) -> None:
    """Another site may lead people to the page by a link, and nothing else."""
    origin = headers.get("origin")
    if origin is not None:
        is_ours = origin.partition("://")[2].lower() == headers.get("host", "").lower()
    else:
        site = headers.get("sec-fetch-site", "none")
        is_link = headers.get("sec-fetch-mode") == "navigate" and scope["method"] == "GET"
        is_ours = site in ("same-origin", "none") or (is_link and scope["path"] == "/")
    if not is_ours:
        sender = f"from '{origin[:100]}'" if origin is not None else "from another site"
        message = f"A web page {sender} may not use this program."
        raise ApiError(403, message, "cross_site_request")


def _shown(error: ApiError, scope: Scope) -> Response:
    """A person who opened the page gets the sentence alone."""
    if "text/html" in Headers(scope=scope).get("accept", ""):
        return PlainTextResponse(str(error), error.status)
    return error.as_response()


def _host_name(host: str) -> str:
    """The name in a Host header, without its port: "[::1]:80" -> "::1". Empty for nonsense."""
    match = _HOST.fullmatch(host)
    return "" if match is None else (match[1] or match[2]).lower()


def _cookies(headers: Headers, scope: Scope) -> list[str]:
    name = _cookie_name(scope)
    pairs = [part.strip().partition("=") for part in headers.get("cookie", "").split(";")]
    return [value for key, _, value in pairs if key == name]


def _cookie_name(scope: Scope) -> str:
    """Browsers share cookies among the ports of a host, so the port is in the name."""
    server = scope.get("server")
    return f"{COOKIE}_{server[1]}" if server else COOKIE


def _equal(left: str, right: str) -> bool:
    """In constant time."""
    return hmac.compare_digest(left.encode("utf-8", "replace"), right.encode())
