"""Who may ask: Host, Origin and key, checked before any route, and headers on every answer.

Host: a web page elsewhere can point its own name at this computer (DNS rebinding); its requests
then carry that name. Origin: a page elsewhere can send requests here without reading the answers;
those that the owner allows may do both. Key: on an address that others can reach, every route
needs one, the page included; only what watches over a container asks without one whether the
program is well.
"""

from __future__ import annotations

import logging
import re
from http import HTTPStatus
from urllib.parse import parse_qs

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from llamapack_runtime.api import health
from llamapack_runtime.api.access import Access, cookie_value, is_equal
from llamapack_runtime.api.body import most_bytes, too_large
from llamapack_runtime.api.caller import Caller, remember_caller
from llamapack_runtime.api.cors import headers_for, is_preflight, preflight_response
from llamapack_runtime.api.error_handlers import error_response
from llamapack_runtime.api.errors import ApiError
from llamapack_runtime.keys import ApiKey

logger = logging.getLogger(__name__)

MAX_HEADERS = 100
MAX_HEADER_BYTES = 32 * 1024
MAX_TARGET_BYTES = 8 * 1024
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
        ours = dict(HEADERS)
        if self._access.origins:
            ours["Vary"] = "Origin"

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in ours.items():
                    headers.setdefault(name, value)  # a route may be stricter
            await send(message)

        try:
            response = self._check(scope, ours)
        except ApiError as error:
            response = _shown(error, scope)
        await (response or self._app)(scope, receive, send_guarded)

    def _check(self, scope: Scope, answer_headers: dict[str, str]) -> Response | None:
        """None to go on, a response of our own, or ApiError."""
        _check_size(scope)
        headers = Headers(scope=scope)
        self._check_host(headers)
        origin = headers.get("origin")
        is_foreign = origin is not None and self._access.allows_origin(origin)
        if origin is not None and is_foreign:
            answer_headers |= headers_for(origin)
            if is_preflight(headers, scope):
                return preflight_response(headers)
        else:
            _check_origin(headers, scope)
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > most_bytes(scope["path"]):
            raise too_large(scope["path"])
        if not self._access.keys:
            remember_caller(scope, Caller(None, may_stop=not is_foreign))
            return None
        if scope["path"] in health.PATHS:
            return None
        return self._check_key(headers, scope, takes_cookie=not is_foreign)

    def _check_host(self, headers: Headers) -> None:
        host = headers.get("host", "")
        if not self._access.allows_host(_host_name(host)):
            raise ApiError(
                403,
                f"This program does not answer to the name '{host[:100]}'; use localhost or the "
                "address that it printed.",
                "wrong_host",
            )

    def _check_key(self, headers: Headers, scope: Scope, *, takes_cookie: bool) -> Response | None:
        """A page of another origin needs a key of its own: the cookie is our page's."""
        secrets = [headers.get("x-api-key", ""), _bearer(headers)]
        cookies = _cookies(headers, scope) if takes_cookie else []
        found = [
            *filter(None, map(self._access.key_of, secrets)),
            *filter(None, map(self._access.key_of_cookie, cookies)),
        ]
        if found:
            # The path as it came: ASCII without control characters, and no query.
            logger.info("%s %s by '%s'", scope["method"], scope["raw_path"].decode(), found[0].name)
            is_first = found[0] == self._access.keys[0]
            remember_caller(scope, Caller(found[0], may_stop=is_first))
            return None
        if scope["path"] == "/" and scope["method"] == "GET":
            asked = parse_qs(scope["query_string"].decode("latin-1")).get("key", [""])[0]
            key = self._access.key_of(asked)
            if key is None and self._takes_ticket(asked):
                key = self._access.keys[0]
            if key is not None:
                return _open_page(key, scope)
        raise ApiError(
            401,
            "This program needs its key: send 'Authorization: Bearer KEY', or open the address "
            "that it printed, which ends in ?key=.",
            "invalid_api_key",
        )

    def _takes_ticket(self, asked: str) -> bool:
        """Once."""
        found = {ticket for ticket in self._tickets if is_equal(asked, ticket)}
        self._tickets -= found
        return bool(found)


def _open_page(key: ApiKey, scope: Scope) -> Response:
    """Exchange the key in the address for a cookie, so that it does not stay in the bar."""
    response = RedirectResponse("/", HTTPStatus.SEE_OTHER, {"Cache-Control": "no-store"})
    value, name = cookie_value(key), _cookie_name(scope)
    response.set_cookie(name, value, httponly=True, samesite="strict", path="/")
    return response


def _check_size(scope: Scope) -> None:
    """The server itself only bounds what has not yet come as a whole."""
    headers = scope["headers"]
    if len(headers) > MAX_HEADERS:
        raise ApiError(
            431,
            f"The request has {len(headers)} headers; at most {MAX_HEADERS}.",
            "too_many_headers",
        )
    if sum(len(name) + len(value) for name, value in headers) > MAX_HEADER_BYTES:
        message = f"The request's headers are larger than {MAX_HEADER_BYTES >> 10} KiB."
        raise ApiError(431, message, "headers_too_large")
    if len(scope["raw_path"]) + len(scope["query_string"]) > MAX_TARGET_BYTES:
        message = f"The request's address is longer than {MAX_TARGET_BYTES >> 10} KiB."
        raise ApiError(414, message, "address_too_long")


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
    return error_response(error, scope["path"])


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


def _bearer(headers: Headers) -> str:
    scheme, _, given = headers.get("authorization", "").partition(" ")
    return given.strip() if scheme.lower() == "bearer" else ""
