"""Runs uvicorn in the main thread until the process is asked to stop."""

from __future__ import annotations

import asyncio
import importlib.util
import socket
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from types import ModuleType
from typing import Any

# How long open streams may take to say that they end.
_GOODBYE_S = 2
_MAX_HEADER_BYTES = 32 * 1024
_OTHER_FILES = 384  # libraries, the model, states, child processes


def serve(
    app: Callable[..., Any],
    listener: socket.socket,
    *,
    should_stop: Callable[[], bool],
    on_start: Callable[[], None],
    before_end: Callable[[], None],
) -> None:
    """Answer on `listener` until `should_stop` says so. `on_start` is called when it answers;
    `before_end` runs in a thread of its own, so that whoever waits for an answer hears of the
    end, and then the connections are closed."""
    _skip_uvicorn_command_line()
    from uvicorn.config import Config  # not before the line above
    from uvicorn.server import Server

    from llamapack_runtime.launch.protocol import MOST_CONNECTIONS, Connection

    _allow_open_files(MOST_CONNECTIONS + _OTHER_FILES)

    # uvicorn.lifespan.off asks the package itself for it.
    sys.modules["uvicorn"].__dict__.setdefault("Config", Config)

    class StoppableServer(Server):
        """uvicorn's own signal handlers would end the process before it has cleaned up."""

        def capture_signals(self) -> Any:
            return nullcontext()

        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_start()

        async def on_tick(self, counter: int) -> bool:
            return await super().on_tick(counter) or should_stop()

        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await asyncio.to_thread(before_end)
            await super().shutdown(sockets)

    config = Config(
        app,
        http=Connection,
        loop="asyncio",
        ws="none",
        lifespan="off",
        interface="asgi3",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        h11_max_incomplete_event_size=_MAX_HEADER_BYTES,
        timeout_graceful_shutdown=_GOODBYE_S,
    )
    StoppableServer(config).run(sockets=[listener])


def _allow_open_files(count: int) -> None:
    """Some systems start a process with 256, and a server that has none left accepts nobody."""
    if sys.platform == "win32":  # there, a socket is no file
        return
    import resource  # not there on Windows

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _skip_uvicorn_command_line() -> None:
    """Stand a bare package in for uvicorn, whose own `__init__` loads click, multiprocessing and
    the reloaders: 30 ms in which no page is shown."""
    if "uvicorn" in sys.modules:
        return
    spec = importlib.util.find_spec("uvicorn")
    assert spec is not None, "uvicorn is part of the runtime"
    package = ModuleType("uvicorn")
    package.__path__ = list(spec.submodule_search_locations or [])
    package.__spec__ = spec
    sys.modules["uvicorn"] = package
