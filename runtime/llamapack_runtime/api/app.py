"""Puts the application together: the page and what it needs at once, and behind them, imported
when the first request asks for one, the routes of all dialects."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Router
from starlette.types import ASGIApp, Receive, Scope, Send

from llamapack_runtime.api import control, health, metrics
from llamapack_runtime.api.access import Access
from llamapack_runtime.api.error_handlers import (
    show_api_error,
    show_chat_error,
    show_client_gone,
    show_engine_error,
    show_http_error,
    show_unexpected,
)
from llamapack_runtime.api.errors import ApiError, ClientGone
from llamapack_runtime.api.guard import Guard
from llamapack_runtime.api.pages import Pages, WatchPages
from llamapack_runtime.api.preparing import Preparing
from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.api.sse import KEEP_ALIVE_S
from llamapack_runtime.api.web import web_app
from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.engine.errors import EngineError
from llamapack_runtime.engine.types import EngineStats

if TYPE_CHECKING:  # needed where there are several models
    from llamapack_runtime.api.pool import Pool


def build_app(
    service: Service,
    access: Access,
    web_root: Path,
    *,
    keep_alive_s: float = KEEP_ALIVE_S,
    timeout_s: float | None = None,
    preparing: Preparing | None = None,
    pages: Pages | None = None,
) -> ASGIApp:
    """The whole application, guarded. `web_root` holds the page; a stream that is silent for
    `keep_alive_s` sends a comment; an answer is cut off after `timeout_s`."""
    app = Starlette(
        routes=[*health.ROUTES, *metrics.ROUTES, *control.ROUTES],
        exception_handlers={
            ApiError: show_api_error,
            ChatError: show_chat_error,
            EngineError: show_engine_error,
            ClientGone: show_client_gone,
            HTTPException: show_http_error,
            Exception: show_unexpected,
        },
    )
    # No redirects between /x and /x/: only what is listed is there.
    app.router.redirect_slashes = False
    app.router.default = web_app(web_root, _Dialects(), service.about.brand.languages)
    app.state.service = service
    app.state.started_ns = time.time_ns()
    app.state.keep_alive_s = keep_alive_s
    app.state.timeout_s = timeout_s
    app.state.preparing = preparing or Preparing()
    end = service.quit if service.quits_when_closed else None
    app.state.pages = pages or Pages(end, lambda: _is_answering(app))
    return Guard(WatchPages(app, app.state.pages), access)


def _is_answering(app: Starlette) -> bool:
    service, desks = app.state.service, getattr(app.state, "desks", {})
    is_lent = service.pool is not None and service.pool.is_lent
    stats = service.state.session.stats() if isinstance(service.state, Ready) else EngineStats()
    is_working = is_lent or stats.busy or stats.waiting
    return bool(is_working) or any(desk.is_busy for desk in desks.values())


class _Dialects:
    """Answers with the routes of all dialects."""

    def __init__(self) -> None:
        self._routes: ASGIApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._routes is None:
            pool = scope["app"].state.service.pool
            self._routes = await asyncio.to_thread(_all_routes, pool)
        await self._routes(scope, receive, send)


def _all_routes(pool: Pool | None) -> ASGIApp:
    from llamapack_runtime.api.dialects import ROUTES  # 90 ms that the page need not wait for

    routes = Router(ROUTES, redirect_slashes=False)
    if pool is None:
        return routes
    from llamapack_runtime.api.gate import Gate  # needed where there are several models

    return Gate(routes, pool)
