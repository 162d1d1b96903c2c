"""Bodies that come too slowly, and answers that take too long."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api import body
from llamapack_runtime.api.access import Access
from llamapack_runtime.api.app import build_app
from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.session import Session
from runtime.api.served import TIMEOUT_S, StartServer

CHAT = "/v1/chat/completions"
HELLO: dict[str, object] = {"messages": [{"role": "user", "content": "Hi"}]}


@pytest.fixture
def hurried(
    service: Service, make_session: Callable[..., Session], web_root: Path
) -> tuple[TestClient, Session]:
    """Cuts every answer off after 0.2 s; its model never ends one."""
    session = make_session(None, n_ctx=1 << 20, step_s=0.002)
    service.state = Ready(session, "")
    app = build_app(service, Access(), web_root, timeout_s=0.2)
    return TestClient(app, base_url="http://localhost"), session


def test_an_answer_that_takes_too_long_is_a_504(hurried: tuple[TestClient, Session]) -> None:
    client, session = hurried
    reply = client.post(CHAT, json=HELLO)
    assert (reply.status_code, reply.json()["error"]["code"]) == (504, "timeout")
    wait_until_idle(session)


def test_a_stream_that_takes_too_long_ends_with_an_event(
    hurried: tuple[TestClient, Session],
) -> None:
    client, session = hurried
    reply = client.post(CHAT, json=HELLO | {"stream": True})
    assert reply.status_code == 200
    frames = [line for line in reply.text.split("\n\n") if line]
    assert len(frames) > 2
    assert json.loads(frames[-1].removeprefix("data: "))["error"]["code"] == "timeout"
    wait_until_idle(session)


def wait_until_idle(session: Session) -> None:
    for _ in range(int(TIMEOUT_S / 0.01)):
        if session.stats().busy == 0:
            return
        threading.Event().wait(0.01)  # the engine tells nobody when it becomes idle
    pytest.fail("the engine is still busy with an answer that was cut off")


@pytest.mark.parametrize("head", ["Content-Length: 100", "Transfer-Encoding: chunked"])
def test_a_slow_body_is_a_408(
    start: StartServer,
    make_session: Callable[..., Session],
    monkeypatch: pytest.MonkeyPatch,
    head: str,
) -> None:
    monkeypatch.setattr(body, "BODY_PATIENCE_S", 0.1)
    server = start(make_session())
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as client:
        client.sendall(f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\n{head}\r\n\r\n".encode())
        reply = client.recv(65536)
        while b"request_timeout" not in reply:
            piece = client.recv(65536)
            assert piece, reply
            reply += piece
    assert reply.startswith(b"HTTP/1.1 408")


def test_a_body_in_chunks_that_is_too_long_is_a_413(
    start: StartServer, make_session: Callable[..., Session], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(body, "MAX_BODY_BYTES", 1000)
    server = start(make_session())
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as client:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        client.sendall(head.encode() + b"3e9\r\n" + b"x" * 1001 + b"\r\n")
        assert client.recv(65536).startswith(b"HTTP/1.1 413")
