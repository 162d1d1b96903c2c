"""The beginning of a stream of events before it is known whether there is anything to stream: what
a client hears while its model loads."""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from typing import TypeVar

import msgspec
from starlette.types import Message, Send

from llamapack_runtime.api.sse import KEEP_ALIVE, frame, named_frame

Result = TypeVar("Result")

_HEADERS = (
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
)


class EarlyStream:
    """`send` passes on what a route sends. Once the stream has begun, the route's own beginning is
    left out, and an error becomes an event."""

    def __init__(self, send: Send, path: str) -> None:
        self._send = send
        self._path = path
        self.has_begun = False
        self._error: bytearray | None = None

    async def waited(self, future: Future[Result], silence_s: float | None) -> Result:
        """What comes of it. Each time that it has taken that long, the client hears of it."""
        waiting = asyncio.wrap_future(future)
        while not (await asyncio.wait({waiting}, timeout=silence_s))[0]:
            await self._keep_alive()
        return waiting.result()

    async def send(self, message: Message) -> None:
        if not self.has_begun:
            await self._send(message)
        elif message["type"] == "http.response.start":
            self._error = bytearray() if message["status"] >= 400 else None
        elif self._error is None:
            await self._send(message)
        else:
            self._error += message.get("body", b"")
            if not message.get("more_body", False):
                body = _event(self._path, bytes(self._error))
                await self._send({"type": "http.response.body", "body": body})

    async def _keep_alive(self) -> None:
        if not self.has_begun:
            self.has_begun = True
            start = {"type": "http.response.start", "status": 200, "headers": list(_HEADERS)}
            await self._send(start)
        await self._send({"type": "http.response.body", "body": KEEP_ALIVE, "more_body": True})


def _event(path: str, body: bytes) -> bytes:
    """What the dialect would have answered, as its streams tell it."""
    error = msgspec.json.decode(body)
    if path == "/v1/messages":
        return named_frame("error", error)
    if path == "/v1/responses":
        return named_frame("error", error["error"] | {"type": "error", "sequence_number": 0})
    return frame(error)
