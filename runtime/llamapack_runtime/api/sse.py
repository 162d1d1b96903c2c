"""Server-sent events: frames, keep-alive comments, and a response that ends with its client."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec
from starlette.background import BackgroundTask
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from llamapack_runtime.api.connection import while_connected
from llamapack_runtime.api.errors import ClientGone

DONE = b"data: [DONE]\n\n"
# A line that clients skip; it keeps proxies from closing a connection that is silent.
KEEP_ALIVE = b": keep-alive\n\n"
KEEP_ALIVE_S = 10.0

_encoder = msgspec.json.Encoder()


def queued(position: int) -> bytes:
    """A line that clients skip, for those who look: so many requests go before this one."""
    return b": queued, %d before you\n\n" % position


def frame(value: object) -> bytes:
    """One event with JSON as its data."""
    return b"data: " + _encoder.encode(value) + b"\n\n"


def named_frame(name: str, value: object) -> bytes:
    """One event of this name with JSON as its data."""
    return b"event: " + name.encode() + b"\n" + frame(value)


class EventStream(Response):
    """Sends what `frames` yields, and closes it at the end or when the client goes away."""

    media_type = "text/event-stream"

    def __init__(self, frames: AsyncGenerator[bytes, None]) -> None:
        self.status_code = 200
        self.background: BackgroundTask | None = None
        self._frames = frames
        self.init_headers({"Cache-Control": "no-cache", "X-Accel-Buffering": "no"})

    def init_headers(self, headers: object = None) -> None:
        self.body = b""
        assert isinstance(headers, dict), "set in __init__"
        super().init_headers(headers)
        # A stream has no length.
        self.raw_headers = [item for item in self.raw_headers if item[0] != b"content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        try:
            await while_connected(receive, self._send_all(send))
        except ClientGone:
            pass  # closing the frames gives the work up
        finally:
            await self._frames.aclose()

    async def _send_all(self, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async for data in self._frames:
            await send({"type": "http.response.body", "body": data, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
