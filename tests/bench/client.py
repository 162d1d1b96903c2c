"""A streaming client that costs little while it measures: a thread keeps what came and when, and
reads it only when the stream is over. Knows nothing of the servers' processes."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.reply import Reply, ReplyError, read_reply

TIMEOUT_S = 600.0
_PIECE_BYTES = 1 << 16
Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Ask:
    """One request for a stream, the same bytes for every server."""

    path: str
    body: Mapping[str, object]

    def on_the_wire(self, address: tuple[str, int]) -> bytes:
        body = json.dumps(self.body).encode()
        head = (
            f"POST {self.path} HTTP/1.1\r\nHost: {address[0]}:{address[1]}\r\n"
            "Content-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


def _streamed(path: str, max_tokens: int, **body: object) -> Ask:
    options = {"stream": True, "stream_options": {"include_usage": True}}
    # A name must be there for servers that ask for one; those at hand serve one model.
    common = {"model": "any", "temperature": 0, "max_tokens": max_tokens}
    return Ask(path, {**common, **options, **body})


def chat(text: str, max_tokens: int, *, system: str | None = None, **options: object) -> Ask:
    """A conversation with one message of the user, after `system` where there is one. `options`
    go into the body, such as a temperature."""
    messages: list[Message] = [{"role": "user", "content": text}]
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    return _streamed("/v1/chat/completions", max_tokens, messages=messages, **options)


def completion(prompt: str, max_tokens: int) -> Ask:
    return _streamed("/v1/completions", max_tokens, prompt=prompt)


class Stream:
    """One request under way. `begun` is set when `announce_after` events have come. ReplyError
    when nobody listens."""

    def __init__(self, address: tuple[str, int], ask: Ask, announce_after: int = 1) -> None:
        self.begun = threading.Event()
        self._announce_after = announce_after
        self._received: list[tuple[float, bytes]] = []
        self._error: OSError | None = None
        request = ask.on_the_wire(address)
        self.started = time.perf_counter()
        try:
            self._socket = socket.create_connection(address, TIMEOUT_S)
        except OSError as error:
            raise ReplyError(f"Nobody answers on port {address[1]}: {error}") from error
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._thread = threading.Thread(target=self._receive, args=(request,), daemon=True)
        self._thread.start()

    def wait_begun(self) -> None:
        """Until enough events have come, or the stream is over."""
        self.begun.wait(TIMEOUT_S)

    @property
    def is_over(self) -> bool:
        return not self._thread.is_alive()

    def leave(self) -> None:
        """Go away as a closed browser tab does; what came so far can still be read."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._thread.join(TIMEOUT_S)

    def wait(self) -> None:
        """Until the server ends the stream."""
        self._thread.join(TIMEOUT_S)
        if self._thread.is_alive():
            self.leave()

    def reply(self) -> Reply:
        """What came, after `wait` or `leave`. ReplyError when it is no good answer."""
        assert self.is_over, "the stream is still under way"
        return read_reply(self.started, self._received, self._error)

    def _receive(self, request: bytes) -> None:
        events = 0
        try:
            with self._socket:
                self._socket.sendall(request)
                while piece := self._socket.recv(_PIECE_BYTES):
                    self._received.append((time.perf_counter(), piece))
                    events += piece.count(b"data:")
                    if events >= self._announce_after:
                        self.begun.set()
        except OSError as error:
            self._error = error
        finally:
            self.begun.set()


def together(address: tuple[str, int], asks: Sequence[Ask]) -> list[Reply]:
    """The whole answers to requests that arrive at once; none is read before all are over."""
    streams = [Stream(address, ask) for ask in asks]
    for stream in streams:
        stream.wait()
    replies = [stream.reply() for stream in streams]
    if not all(reply.is_complete for reply in replies):
        raise ReplyError(f"An answer was not complete, or not within {TIMEOUT_S:.0f} s.")
    return replies
