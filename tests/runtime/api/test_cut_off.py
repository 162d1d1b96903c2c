"""Answers that `max_tokens` ends inside a call's header, from a real session over a fake model."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.service import Service
from llamapack_runtime.chat.session import Session
from runtime.api.clients import client_of

CALL = 'Hm.<tool_call>\n{"name": "now", "arguments": {}}\n</tool_call>'
TOOLS = [{"type": "function", "function": {"name": "now"}}]


@pytest.fixture
def calls(service: Service, web_root: Path, make_session: Callable[..., Session]) -> TestClient:
    session = make_session(CALL, n_ctx=2048, n_batch=1024)
    return client_of(service, web_root, session)


def asked(calls: TestClient, max_tokens: int, **more: Any) -> Any:
    messages = [{"role": "user", "content": "Hi"}]
    body = {"messages": messages, "tools": TOOLS, "max_tokens": max_tokens, **more}
    return calls.post("/v1/chat/completions", json=body)


@pytest.mark.parametrize("max_tokens", range(1, CALL.index('"arg')))
def test_no_piece_of_a_call_is_told_as_words(calls: TestClient, max_tokens: int) -> None:
    (choice,) = asked(calls, max_tokens).json()["choices"]
    words = "Hm."[:max_tokens]
    assert (choice["message"]["content"], choice["finish_reason"]) == (words, "length")
    assert not choice["message"].get("tool_calls")
    lines = asked(calls, max_tokens, stream=True).text.splitlines()
    chunks = [json.loads(line[6:])["choices"][0] for line in lines if line.startswith("data: {")]
    assert "".join(chunk["delta"].get("content") or "" for chunk in chunks) == words
    assert chunks[-1]["finish_reason"] == "length"
