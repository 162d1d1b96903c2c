"""Thousands of requests that are nearly right: each is answered or refused in its dialect's shape,
nothing is logged, and the program answers afterwards."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import random
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.types import ASGIApp, Message

from event_loop import run_async
from fake_embedder import fake_embedder
from llamapack_runtime.api.access import Access
from llamapack_runtime.api.app import build_app
from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.session import Session
from runtime.api.odd_requests import OddRequest, OddRequests
from runtime.api.served import TIMEOUT_S, StartServer

SEED = 20260
IN_PROCESS, ON_THE_WIRE = 5000, 500
HELLO = json.dumps({"messages": [{"role": "user", "content": "Hi"}]}).encode()
GOOD = OddRequest("POST", "/v1/chat/completions", ((b"host", b"localhost"),), HELLO)
# Documented, and no fault of the program.
MAY_BE_5XX = {501, 503}


@pytest.fixture(autouse=True)
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level("INFO")
    yield
    for record in (*caplog.get_records("setup"), *caplog.get_records("call")):
        assert record.levelno < logging.ERROR, record.getMessage()
        assert record.exc_info is None, record.getMessage()


async def ask(app: ASGIApp, request: OddRequest) -> tuple[int, bytes]:
    """Status and body of the reply to a client that stays."""
    path, _, query = request.path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": request.method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [*request.headers],
        "server": ("127.0.0.1", 8080),
        "client": ("127.0.0.1", 1),
    }
    bodies = [request.body]
    said: list[Message] = []

    async def receive() -> Message:
        if bodies:
            return {"type": "http.request", "body": bodies.pop(), "more_body": False}
        return await asyncio.Future()

    async def send(message: Message) -> None:
        said.append(message)

    await app(scope, receive, send)
    return said[0]["status"], b"".join(one.get("body", b"") for one in said[1:])


def check(request: OddRequest, status: int, body: bytes) -> None:
    shown = f"{request} -> {status} {body[:500]!r}"
    assert status < 500 or status in MAY_BE_5XX, shown
    if status < 400 or request.method == "HEAD" or (b"accept", b"text/html") in request.headers:
        return
    error = json.loads(body)["error"]
    sentence = error if isinstance(error, str) else error["message"]
    assert isinstance(sentence, str), shown
    assert sentence.endswith((".", ")")), shown
    assert len(body) < 3000, shown


def test_5000_odd_requests(
    service: Service, make_session: Callable[..., Session], web_root: Path
) -> None:
    embedder = fake_embedder()
    service.state = Ready(make_session("Hello!", n_ctx=256), "", embedder=embedder)
    app = build_app(service, Access(), web_root)
    odd = OddRequests(SEED)

    async def ask_all() -> dict[int, int]:
        statuses: dict[int, int] = {}
        for _ in range(IN_PROCESS):
            request = odd.next()
            status, body = await asyncio.wait_for(ask(app, request), TIMEOUT_S)
            check(request, status, body)
            statuses[status] = statuses.get(status, 0) + 1
        assert (await ask(app, GOOD))[0] == 200
        return statuses

    with contextlib.closing(embedder):
        statuses = run_async(ask_all())
    # The requests are neither all refused nor all fine.
    assert statuses[200] > 300, statuses
    assert statuses[400] > 1000, statuses
    assert {403, 404, 405, 413, 415, 431} <= statuses.keys(), statuses


def test_500_odd_requests_on_the_wire(
    start: StartServer, make_session: Callable[..., Session]
) -> None:
    """Some are cut off in the middle, some hang up, some leave the last half of the line open."""
    server, odd, pick = (
        start(make_session("Hello!", n_ctx=256)),
        OddRequests(SEED),
        random.Random(SEED),
    )
    n_answered = 0
    for _ in range(ON_THE_WIRE):
        request = odd.next()
        _, _, reply = exchange(server.port, request, pick).rpartition(b"100 Continue\r\n\r\n")
        if reply:
            n_answered += 1
            head, _, _ = reply.partition(b"\r\n")
            status = int(head.split()[1])
            assert status < 500 or status in MAY_BE_5XX, f"{request} -> {reply[:500]!r}"
    assert n_answered > ON_THE_WIRE // 2
    server.wait_until_idle()
    assert exchange(server.port, GOOD, None).startswith(b"HTTP/1.1 200")


def exchange(port: int, request: OddRequest, pick: random.Random | None) -> bytes:
    """The reply, or as much of it as there is; nothing for a client that leaves at once."""
    data = as_bytes(request)
    with socket.create_connection(("127.0.0.1", port), TIMEOUT_S) as client:
        choice = 1.0 if pick is None else pick.random()
        with contextlib.suppress(ConnectionError):
            if choice < 0.1:
                client.sendall(data[: len(data) // 2])
                return b""
            client.sendall(data)
            if choice < 0.2:
                return b""
            if choice < 0.4:
                client.shutdown(socket.SHUT_WR)
            return read_all(client)
    return b""


def as_bytes(request: OddRequest) -> bytes:
    names = {name for name, _ in request.headers}
    head = [f"{request.method} {request.path or '/'} HTTP/1.1".encode()]
    head += [name + b": " + value for name, value in request.headers]
    head.append(b"connection: close")
    if b"content-length" not in names:
        head.append(b"content-length: %d" % len(request.body))
    return b"\r\n".join(head) + b"\r\n\r\n" + request.body


def read_all(client: socket.socket) -> bytes:
    data: Any = b""
    while piece := client.recv(65536):
        data += piece
    return bytes(data)
