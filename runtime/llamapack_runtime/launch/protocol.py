"""One HTTP connection: uvicorn's, with refusals in the API's own shape, a time limit for what a
client has begun to ask, and a bound on how many there are."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from llamapack_runtime.api.error_handlers import error_response
from llamapack_runtime.api.errors import ApiError, NotReady

HEADERS_PATIENCE_S = 30.0
READING_PATIENCE_S = 120.0
# When it is seen whether a client that sends no more is still there: few, for clients count them.
PROBES_S = (0.1, 1.0, 10.0)
# Over the first number a connection is answered with 503, over the second not at all.
MAX_CONNECTIONS = 512
MOST_CONNECTIONS = 640


class Connection(H11Protocol):
    """See `_watch` for what may take how long."""

    _limit: asyncio.TimerHandle | None = None
    _reading_limit: asyncio.TimerHandle | None = None
    _probing: asyncio.TimerHandle | None = None
    _has_begun = False
    _has_ended = False  # the client's side

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's
        super().connection_made(transport)
        if len(self.connections) > MOST_CONNECTIONS:
            transport.abort()
        elif len(self.connections) > MAX_CONNECTIONS:
            self.app = _too_many
        self._watch()

    def data_received(self, data: bytes) -> None:
        self._has_begun = True
        try:
            super().data_received(data)
        except h11.LocalProtocolError:
            # Nonsense after an answer has begun: uvicorn cannot say so any more.
            self._end()
        self._watch()

    def eof_received(self) -> bool:  # type: ignore[override]  # uvicorn's says nothing, and closes
        """The client sends no more. It may have gone, or wait for its answer (`nc`, some proxies):
        true keeps the connection open for that. Only writing tells which: see `_probe`."""
        is_waiting = (
            self.cycle is not None
            and not self.cycle.response_complete
            and not self.cycle.more_body
            and self.scope["http_version"] != "1.0"  # knows nothing of answers before the answer
        )
        if is_waiting:
            self._has_ended = True
            self.cycle.keep_alive = False
            self._probe(iter(PROBES_S))
        return is_waiting

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._has_begun = False
        if self._has_ended:
            self.transport.close()
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._stop_watching()
        self._stop_probing()
        self.resume_writing()

    def pause_writing(self) -> None:
        """A client that reads nothing of a stream would hold its slot for ever."""
        super().pause_writing()
        if self._reading_limit is None:
            self._reading_limit = self.loop.call_later(READING_PATIENCE_S, self.transport.abort)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self._reading_limit is not None:
            self._reading_limit.cancel()
            self._reading_limit = None

    def send_400_response(self, msg: str) -> None:
        """uvicorn calls it where it caught what h11 does not understand."""
        error = sys.exception()
        if isinstance(error, h11.RemoteProtocolError) and error.error_status_hint == 431:
            self._refuse(431, "The request's headers are too large.", "headers_too_large")
        else:
            self._refuse(400, "This is no HTTP request: " + msg, "invalid_http")

    def _probe(self, pauses: Iterator[float]) -> None:
        """While nothing else is written, an interim answer, which all clients pass over. A client
        that has gone answers with a reset, and the next write then fails."""
        if self.conn.our_state is not h11.SEND_RESPONSE or self.transport.is_closing():
            return
        interim = h11.InformationalResponse(status_code=100, headers=[], reason=b"Continue")
        self.transport.write(self.conn.send(interim) or b"")
        pause_s = next(pauses, None)
        if pause_s is not None:
            self._probing = self.loop.call_later(pause_s, self._probe, pauses)

    def _stop_probing(self) -> None:
        if self._probing is not None:
            self._probing.cancel()
            self._probing = None

    def _watch(self) -> None:
        """Whoever sends a request's head, or the rest of a body that nobody reads, gets so long.
        (A body that is read: api/body.py. An idle connection after an answer: uvicorn.)"""
        is_expecting = self.conn.their_state is h11.IDLE or self.conn.our_state is h11.DONE
        if not is_expecting or self.transport.is_closing():
            self._stop_watching()
        elif self._limit is None:
            self._limit = self.loop.call_later(HEADERS_PATIENCE_S, self._give_up)

    def _stop_watching(self) -> None:
        if self._limit is not None:
            self._limit.cancel()
            self._limit = None

    def _give_up(self) -> None:
        self._limit = None
        if self._has_begun and self.conn.our_state is h11.IDLE:
            message = f"The request's headers did not come within {HEADERS_PATIENCE_S:g} seconds."
            self._refuse(408, message, "request_timeout")
        else:
            self.transport.close()

    def _refuse(self, status: int, message: str, code: str) -> None:
        """In OpenAI's shape: what a dialect would say is not known yet."""
        response = ApiError(status, message, code).as_response()
        response.headers.update(_HEADERS)
        for event in (
            h11.Response(status_code=status, headers=response.raw_headers),
            h11.Data(data=bytes(response.body)),
            h11.EndOfMessage(),
        ):
            self.transport.write(self.conn.send(event) or b"")
        self._end()

    def _end(self) -> None:
        """Whoever still works on an answer hears that nobody will get it."""
        if self.cycle is not None:
            self.cycle.disconnected = True
            self.cycle.message_event.set()
        self.transport.close()


_HEADERS = {"Connection": "close", "X-Content-Type-Options": "nosniff"}


async def _too_many(scope: Any, receive: Any, send: Any) -> None:
    message = f"More than {MAX_CONNECTIONS} connections are open; try again in a moment."
    response = error_response(NotReady(message, "too_many_connections"), scope["path"])
    response.headers.update(_HEADERS)
    await response(scope, receive, send)
