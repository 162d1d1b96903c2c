"""Ollama's and Anthropic's streams behind the real server: silence, and clients that leave."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx
import pytest

from llamapack_runtime.chat.session import Session
from runtime.api.served import TIMEOUT_S, Server, StartServer

QUESTION = {"messages": [{"role": "user", "content": "Hi"}], "max_tokens": 1000, "stream": True}
CHAT = ("/api/chat", {"messages": QUESTION["messages"]})
GENERATE = ("/api/generate", {"prompt": "Hi"})
MESSAGES = ("/v1/messages", QUESTION)


@contextmanager
def streaming(server: Server, path: str, body: object) -> Iterator[Iterator[str]]:
    with (
        httpx.Client(base_url=server.url, trust_env=False, timeout=TIMEOUT_S) as client,
        client.stream("POST", path, json=body) as reply,
    ):
        assert reply.status_code == 200
        yield reply.iter_lines()


def test_silence_of_a_message_is_filled_with_pings(
    start: StartServer, make_session: Callable[..., Session]
) -> None:
    gate = threading.Event()
    with streaming(start(make_session(gate=gate)), *MESSAGES) as lines:
        assert next(lines) == "event: message_start"
        pings = (line for line in lines if line == "event: ping")
        assert [next(pings) for _ in range(3)]
        gate.set()
        assert [line for line in lines if "text_delta" in line]


@pytest.mark.parametrize(("path", "body"), [CHAT, GENERATE])
def test_silence_adds_no_line_to_ollamas_streams(
    start: StartServer, make_session: Callable[..., Session], path: str, body: object
) -> None:
    gate = threading.Event()
    server = start(make_session(gate=gate))
    with streaming(server, path, body) as lines:  # it has begun after a time of silence
        gate.set()
        pieces = [json.loads(line) for line in lines]
    assert all(piece["model"] for piece in pieces)
    assert [piece["done"] for piece in pieces].count(True) == 1


@pytest.mark.parametrize(("path", "body"), [CHAT, GENERATE, MESSAGES])
def test_a_stream_that_is_left_frees_its_slot(
    start: StartServer, make_session: Callable[..., Session], path: str, body: object
) -> None:
    server = start(make_session(None, n_ctx=1 << 20, step_s=0.002))
    with streaming(server, path, body) as lines:
        assert next(lines)
        stats = server.session.stats()
        assert stats.busy + stats.waiting == 1
    server.wait_until_idle()
