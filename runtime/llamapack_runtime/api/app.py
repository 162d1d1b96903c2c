"""Puts the routes together. Each dialect lists its own."""

from __future__ import annotations

from pathlib import Path

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from llamapack_runtime.api import control, health, metrics
from llamapack_runtime.api.access import Access
from llamapack_runtime.api.errors import (
    ApiError,
    ClientGone,
    show_api_error,
    show_chat_error,
    show_client_gone,
    show_engine_error,
    show_http_error,
    show_unexpected,
)
from llamapack_runtime.api.guard import Guard
from llamapack_runtime.api.openai import routes as openai
from llamapack_runtime.api.service import Service
from llamapack_runtime.api.sse import KEEP_ALIVE_S
from llamapack_runtime.api.web import web_app
from llamapack_runtime.chat.errors import ChatError
from llamapack_runtime.engine.errors import EngineError


def build_app(
    service: Service, access: Access, web_root: Path, *, keep_alive_s: float = KEEP_ALIVE_S
) -> ASGIApp:
    """The whole application, guarded. `web_root` holds the page; a stream that is silent for
    `keep_alive_s` sends a comment."""
    app = Starlette(
        routes=[*health.ROUTES, *metrics.ROUTES, *control.ROUTES, *openai.ROUTES],
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
    app.router.default = web_app(web_root)
    app.state.service = service
    app.state.keep_alive_s = keep_alive_s
    return Guard(app, access)
