"""The application behind the real server: silence, clients that leave, and the end."""

from __future__ import annotations

import json
import socket
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from llamapack_runtime.chat.session import Session
from runtime.api.served import TIMEOUT_S, Server, StartServer

CHAT = "/v1/chat/completions"
HELLO: dict[str, object] = {"messages": [{"role": "user", "content": "Hi"}]}


@contextmanager
def streaming(server: Server, **options: object) -> Iterator[Iterator[str]]:
    body = HELLO | {"stream": True} | options
    with (
        httpx.Client(base_url=server.url, trust_env=False, timeout=TIMEOUT_S) as client,
        client.stream("POST", CHAT, json=body) as reply,
    ):
        assert reply.status_code == 200
        yield reply.iter_lines()


def all_text(lines: Iterator[str]) -> str:
    data = [line.removeprefix("data: ") for line in lines if line.startswith("data: {")]
    choices = [choice for event in map(json.loads, data) for choice in event["choices"]]
    return "".join(choice["delta"].get("content", "") for choice in choices)


def next_text(lines: Iterator[str]) -> str:
    for line in lines:
        if line.startswith("data: {"):
            delta = json.loads(line.removeprefix("data: "))["choices"][0]["delta"]
            if delta.get("content"):
                return str(delta["content"])
    pytest.fail("the stream ended without text")


def test_silence_is_filled_with_comments(
    start: StartServer, make_session: Callable[..., Session]
) -> None:
    gate = threading.Event()
    server = start(make_session("Hello!", gate=gate))
    with streaming(server) as lines:
        comments = 0
        for line in lines:
            comments += line == ": keep-alive"
            if comments == 3:
                break
        gate.set()
        assert next_text(lines).startswith("H")


def test_a_stream_that_is_left_frees_its_slot(
    start: StartServer, make_session: Callable[..., Session]
) -> None:
    server = start(make_session(None, n_ctx=1 << 20, step_s=0.002))
    with streaming(server) as lines:
        next_text(lines)
        assert server.session.stats().busy == 1
    server.wait_until_idle()


@pytest.mark.parametrize("stream", [False, True])
def test_a_client_that_leaves_before_the_first_token_frees_its_slot(
    start: StartServer, make_session: Callable[..., Session], stream: bool
) -> None:
    session = make_session(None, n_ctx=1 << 20, step_s=0.002)
    server = start(session)
    body = json.dumps(HELLO | {"stream": stream}).encode()
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as client:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        assert session.vocabulary.decoding.wait(TIMEOUT_S)  # type: ignore[attr-defined]
    server.wait_until_idle()


def test_a_client_that_leaves_in_the_middle_of_its_body_does_no_harm(
    start: StartServer, make_session: Callable[..., Session]
) -> None:
    server = start(make_session())
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as client:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
        client.sendall(head.encode() + b'{"mess')
    assert httpx.get(server.url + "health", trust_env=False).status_code == 200


def test_a_stop_ends_a_stream_with_an_event(
    start: StartServer, make_session: Callable[..., Session]
) -> None:
    server = start(make_session(None, n_ctx=1 << 20, step_s=0.002))
    with streaming(server) as lines:
        next_text(lines)
        server.stopping.set()
        last = [line for line in lines if line.startswith("data: ")][-1]
    assert json.loads(last.removeprefix("data: "))["error"]["code"] == "shutting_down"
    assert server.stopped.wait(TIMEOUT_S)


def test_a_stop_does_not_wait_for_a_client_that_reads_nothing(
    start: StartServer, make_session: Callable[..., Session]
) -> None:
    session = make_session(None, n_ctx=1 << 20, step_s=0.002)
    server = start(session)
    body = json.dumps(HELLO | {"stream": True}).encode()
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as client:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        client.sendall(head.encode() + body)
        assert session.vocabulary.decoding.wait(TIMEOUT_S)  # type: ignore[attr-defined]
        server.stopping.set()
        assert server.stopped.wait(4.5)


def test_headers_without_end_are_refused(
    start: StartServer, make_session: Callable[..., Session]
) -> None:
    server = start(make_session())
    with socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as client:
        client.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000)
        assert client.recv(100).startswith(b"HTTP/1.1 431")


def test_many_streams_at_once_get_their_own_text(
    start: StartServer, make_session: Callable[..., Session]
) -> None:
    server = start(make_session("Hello!"))
    answers: list[str] = []

    def ask() -> None:
        with streaming(server) as lines:
            answers.append(all_text(lines))

    threads = [threading.Thread(target=ask) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(TIMEOUT_S)
    assert answers == ["Hello!"] * 12


def test_answers_on_an_open_connection_do_not_wait_for_acknowledgements(
    start: StartServer, make_session: Callable[..., Session]
) -> None:
    server = start(make_session())
    request = f"GET /llamapack/info HTTP/1.1\r\nHost: localhost:{server.port}\r\n\r\n".encode()
    taken_s: list[float] = []
    with (
        socket.create_connection(("127.0.0.1", server.port), TIMEOUT_S) as connection,
        connection.makefile("rb") as reader,
    ):
        for _ in range(21):
            started_s = time.perf_counter()
            connection.sendall(request)
            headers = dict(
                line.lower().split(b": ", 1)
                for line in iter(reader.readline, b"\r\n")
                if b": " in line
            )
            assert len(reader.read(int(headers[b"content-length"]))) > 100
            taken_s.append(time.perf_counter() - started_s)
    assert statistics.median(taken_s) < 0.02  # Linux acknowledges after 40 ms
