"""Connections that say nonsense, say nothing, read nothing, or are too many. The application is one
that answers "hello" at once, reads the whole body first, or never ends."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, StreamingResponse

from llamapack_runtime.launch import protocol
from llamapack_runtime.launch.listen import listen
from llamapack_runtime.launch.server import serve

TIMEOUT_S = 20.0
HEAD = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
CHUNKED = b"POST %s HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"

# Of a client that asks for "/wait".
RELEASED, LEFT = threading.Event(), threading.Event()


async def application(scope: Any, receive: Any, send: Any) -> None:
    with contextlib.suppress(ClientDisconnect):
        if scope["path"] == "/read":
            await Request(scope, receive).body()
        if scope["path"] == "/endless":
            await StreamingResponse(endless())(scope, receive, send)
            return
        if scope["path"] == "/wait":
            await Request(scope, receive).body()
            await released_or_left(receive)
        if scope["path"] == "/release":
            RELEASED.set()
        await PlainTextResponse("hello")(scope, receive, send)


async def released_or_left(receive: Any) -> None:
    leaving = asyncio.ensure_future(receive())
    releasing = asyncio.ensure_future(asyncio.to_thread(RELEASED.wait, TIMEOUT_S))
    await asyncio.wait({leaving, releasing}, return_when=asyncio.FIRST_COMPLETED)
    if leaving.done():
        LEFT.set()
        RELEASED.set()
    leaving.cancel()
    await releasing


async def endless() -> AsyncIterator[bytes]:
    while True:
        yield b"x" * 65536
        await asyncio.sleep(0)  # so that the client's end is noticed


@pytest.fixture
def port() -> Iterator[int]:
    stopping, started = threading.Event(), threading.Event()
    listener = listen("127.0.0.1", 0)

    def run() -> None:
        serve(
            application,
            listener,
            should_stop=stopping.is_set,
            on_start=started.set,
            before_end=lambda: None,
        )

    thread = threading.Thread(target=run)
    thread.start()
    assert started.wait(TIMEOUT_S)
    yield int(listener.getsockname()[1])
    stopping.set()
    thread.join(TIMEOUT_S)
    assert not thread.is_alive()


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Nothing that a client does is an error of ours, or worth a trace."""
    caplog.set_level("DEBUG")
    yield
    for record in (*caplog.get_records("setup"), *caplog.get_records("call")):
        assert record.levelno < logging.ERROR, record.getMessage()
        assert record.exc_info is None


@dataclass
class Reply:
    status: int
    headers: str
    body: bytes

    @property
    def code(self) -> str:
        return str(json.loads(self.body)["error"]["code"])


def read_all(client: socket.socket) -> bytes:
    """Until the server closes."""
    data = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := client.recv(65536):
            data += piece
    return data


def parsed(data: bytes) -> Reply:
    head, _, body = data.partition(b"\r\n\r\n")
    return Reply(int(head[9:12]), head.decode().lower(), body)


@contextlib.contextmanager
def connected(port: int) -> Iterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as client:
        yield client


def exchange(port: int, *pieces: bytes) -> Reply:
    with connected(port) as client:
        for piece in pieces:
            client.sendall(piece)
        return parsed(read_all(client))


def assert_answers(port: int) -> None:
    reply = exchange(port, HEAD + b"Connection: close\r\n\r\n")
    assert (reply.status, reply.body) == (200, b"hello")


@pytest.mark.parametrize(
    "data",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # the begin of TLS
        b"GET\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n",
        HEAD + b"no colon\r\n\r\n",
        HEAD + b"A: \x00\r\n\r\n",
        HEAD + b"Content-Length: -1\r\n\r\n",
        HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        HEAD + b"Content-Length: 99999999999999999999999999\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip\r\n\r\n",
    ],
)
def test_what_is_no_request_is_a_400_in_our_shape(port: int, data: bytes) -> None:
    reply = exchange(port, data)
    assert (reply.status, reply.code) == (400, "invalid_http")
    assert "connection: close" in reply.headers
    assert_answers(port)


def test_headers_without_end_are_a_431(port: int) -> None:
    reply = exchange(port, HEAD + b"X: " + b"x" * 100_000)
    assert (reply.status, reply.code) == (431, "headers_too_large")


@pytest.mark.parametrize("path", [b"/", b"/read"])
@pytest.mark.parametrize("body", [b"zz\r\n", b"-1\r\n", b"2\r\nabc", b"1" * 40_000, b"\r\n"])
def test_a_broken_chunk_ends_the_connection(port: int, path: bytes, body: bytes) -> None:
    """Before the answer or after it."""
    reply = exchange(port, CHUNKED % path, body)
    assert reply.status in ((400, 431) if path == b"/read" else (200, 400, 431))
    assert_answers(port)


def test_a_slow_head_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADERS_PATIENCE_S", 0.05)
    reply = exchange(port, HEAD)
    assert (reply.status, reply.code) == (408, "request_timeout")
    with connected(port) as silent:
        assert read_all(silent) == b""


def test_a_slow_second_head_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADERS_PATIENCE_S", 0.3)
    with connected(port) as client:
        client.sendall(HEAD + b"\r\n")
        while not client.recv(65536).endswith(b"hello"):
            pass
        client.sendall(HEAD)
        assert parsed(read_all(client)).status == 408


def test_a_body_that_nobody_reads_is_given_up(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "HEADERS_PATIENCE_S", 0.05)
    reply = exchange(port, CHUNKED % b"/" + b"1\r\na\r\n")
    assert reply.status == 200


def test_too_many_connections_are_a_503(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "MAX_CONNECTIONS", 2)
    monkeypatch.setattr(protocol, "MOST_CONNECTIONS", 3)
    with contextlib.ExitStack() as open_ones:
        for _ in range(2):
            client = open_ones.enter_context(connected(port))
            client.sendall(HEAD + b"\r\n")
            assert client.recv(100)  # so that the next ones come later
        third = open_ones.enter_context(connected(port))
        third.sendall(HEAD)
        fourth = open_ones.enter_context(connected(port))
        assert read_all(fourth) == b""
        third.sendall(b"\r\n")
        reply = parsed(read_all(third))
        assert (reply.status, reply.code) == (503, "too_many_connections")
        assert "retry-after: 1" in reply.headers
    assert_answers(port)


def test_one_connection_too_many_is_told_in_the_shape_of_its_dialect(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "MAX_CONNECTIONS", 0)
    asked = HEAD.replace(b"GET /", b"GET /api/tags") + b"\r\n"
    body = exchange(port, asked).body
    assert isinstance(json.loads(body)["error"], str)


@pytest.fixture
def waiting() -> None:
    RELEASED.clear()
    LEFT.clear()


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize("path", [b"/wait", b"/release"])
def test_a_client_that_sends_no_more_gets_its_answer(port: int, path: bytes) -> None:
    with connected(port) as client:
        client.sendall(b"GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n" % path)
        client.shutdown(socket.SHUT_WR)
        seen = b""
        while path == b"/wait" and b"100 Continue\r\n\r\n" not in seen:
            seen += client.recv(65536)
        release = b"GET /release HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        assert exchange(port, release).status == 200
        seen += read_all(client)
    assert not LEFT.is_set()
    assert parsed(seen[seen.index(b"HTTP/1.1 200") :]).body == b"hello"


@pytest.mark.usefixtures("waiting")
@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
def test_a_client_that_has_gone_is_noticed(port: int, version: bytes) -> None:
    with connected(port) as client:
        client.sendall(b"GET /wait HTTP/%s\r\nHost: localhost\r\n\r\n" % version)
    assert LEFT.wait(TIMEOUT_S)


def test_a_client_that_reads_nothing_is_given_up(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(protocol, "READING_PATIENCE_S", 0.2)
    with connected(port) as client:
        client.sendall(HEAD.replace(b"/", b"/endless", 1) + b"\r\n")
        client.recv(1)
        # Nothing is read until the server has hung up, which a write then notices.
        for _ in range(int(TIMEOUT_S / 0.05)):
            threading.Event().wait(0.05)
            try:
                client.sendall(b"x")
            except OSError:
                break
        else:
            pytest.fail("the server still waits for a client that reads nothing")
    assert_answers(port)
