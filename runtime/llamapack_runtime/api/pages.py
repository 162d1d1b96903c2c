"""Which pages of this program are open in browsers, and its end when the last one was closed.

Each loading of the page has a name of its own, which it gives when it opens its stream of events
and when it is left. A stream that only drops says nothing: the computer sleeps, or the browser put
the tab to rest. After the last page was left there is a grace: a reload and a second start come
back within it. Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated
from urllib.parse import parse_qs

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from llamapack_runtime.api.body import read_object, to_struct
from llamapack_runtime.api.caller import caller_of
from llamapack_runtime.api.errors import BadRequest

GRACE_S = 15.0
# How often it is seen whether the last answer or request has ended.
BUSY_S = 1.0
EVENTS_PATH = "/llamapack/events"
MAX_PAGES = 1000
_ID = "[0-9A-Za-z_-]{1,64}"


def _on_loop(delay_s: float, callback: Callable[[], None]) -> None:
    asyncio.get_running_loop().call_later(delay_s, callback)


class Pages:
    """`end` is called once, a grace after the last page was left, when nothing is going on; None:
    pages may come and go. `is_busy` says whether answers are being written."""

    def __init__(
        self,
        end: Callable[[], None] | None,
        is_busy: Callable[[], bool],
        *,
        clock: Callable[[], float] = time.monotonic,
        later: Callable[[float, Callable[[], None]], None] = _on_loop,
        grace_s: float = GRACE_S,
    ) -> None:
        self._end = end
        self._is_busy = is_busy
        self._clock = clock
        self._later = later
        self._grace_s = grace_s
        self._open: set[str] = set()
        self._is_deserted = False  # the last page was left, and none has come since
        self._is_looking = False
        self._requests = 0
        self._quiet_since_s = clock()

    @contextmanager
    def request(self) -> Iterator[None]:
        """While one is being answered, whoever asks."""
        self._requests += 1
        try:
            yield
        finally:
            self._requests -= 1
            self._quiet_since_s = self._clock()

    def come(self, page: str) -> None:
        """It listens, for the first time or again."""
        self._open.add(page)
        if len(self._open) > MAX_PAGES:
            self._end = None  # too many to remember: none of them shall lose the program
            self._open.clear()
        self.expect()

    def leave(self, page: str) -> None:
        """The last word of a page. Its stream may seem to be open for some seconds more."""
        if page not in self._open:
            return
        self._open.discard(page)
        if not self._open and self._end is not None:
            self._is_deserted = True
            self._look_in(self._grace_s)

    def expect(self) -> None:
        """A page is on its way: a second start opens one."""
        self._is_deserted = False

    def _look_in(self, delay_s: float) -> None:
        if not self._is_looking:
            self._is_looking = True
            self._later(delay_s, self._look)

    def _look(self) -> None:
        self._is_looking = False
        if not self._is_deserted or self._end is None:
            return
        rest_s = self._quiet_since_s + self._grace_s - self._clock()
        if self._requests or self._is_busy():
            self._look_in(BUSY_S)
        elif rest_s > 0:
            self._look_in(rest_s)
        else:
            self._is_deserted = False
            self._end()


class WatchPages:
    """ASGI middleware that tells `pages` of every request but the streams of pages."""

    def __init__(self, app: ASGIApp, pages: Pages) -> None:
        self._app = app
        self._pages = pages

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        page = _page_of(scope)
        if page is None:
            with self._pages.request():
                await self._app(scope, receive, send)
        else:
            # Also where the stream is refused because no chats can be kept: the page is there.
            self._pages.come(page)
            await self._app(scope, receive, send)


def check_page(request: Request) -> None:
    """BadRequest when the name that a page gave itself cannot be one."""
    page = request.query_params.get("page")
    if page is not None and not re.fullmatch(_ID, page):
        raise BadRequest("'page' must be 1 to 64 letters, digits, '-' or '_'.", "page")


def _page_of(scope: Scope) -> str | None:
    if scope["path"] != EVENTS_PATH:
        return None
    page = parse_qs(scope["query_string"].decode("latin-1")).get("page", [""])[-1]
    return page if re.fullmatch(_ID, page) else None


class Leaving(msgspec.Struct, forbid_unknown_fields=True):
    """`page`: the name that the page gave to its stream of events."""

    page: Annotated[str, msgspec.Meta(pattern=f"^{_ID}$")]


async def leave(request: Request) -> Response:
    """Of somebody who may not stop the program it is not heard: their page counts as open."""
    wanted = to_struct(await read_object(request), Leaving)
    if caller_of(request).may_stop:
        pages: Pages = request.app.state.pages
        pages.leave(wanted.page)
    return Response(status_code=204)


ROUTES = [Route("/llamapack/leave", leave, methods=["POST"])]
