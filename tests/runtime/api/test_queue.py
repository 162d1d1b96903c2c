"""Requests that must wait, or may not even do that, on the wire."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from llamapack_runtime.api.service import Service
from llamapack_runtime.engine.types import Failed, Finished, Queued, TextDelta
from runtime.api.clients import client_of
from runtime.api.scripted import ScriptedSession

COMPLETION = "/v1/completions"
PROMPT: dict[str, object] = {"prompt": [1, 2, 3]}
END = Finished("stop", 3, 0, 1, 0.0, 0.0)
BUSY = Failed("The server is busy. Try again in 7 s.", 503, "server_busy", 7)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("n", [1, 2])
def test_a_refusal_says_when_to_come_again(
    service: Service, web_root: Path, stream: bool, n: int
) -> None:
    client = client_of(service, web_root, ScriptedSession(BUSY))
    reply = client.post(COMPLETION, json=PROMPT | {"stream": stream, "n": n})
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "7")
    assert reply.json()["error"] == {
        "message": "The server is busy. Try again in 7 s.",
        "type": "unavailable_error",
        "param": None,
        "code": "server_busy",
    }


def test_a_stream_tells_how_many_go_before(service: Service, web_root: Path) -> None:
    session = ScriptedSession(Queued(2), TextDelta("a", 1), END)
    text = client_of(service, web_root, session).post(COMPLETION, json=PROMPT | {"stream": True})
    first, second = text.text.split("\n\n")[:2]
    assert first == ": queued, 2 before you"
    assert json.loads(second.removeprefix("data: "))["choices"][0]["text"] == "a"


def test_a_whole_answer_that_waited_is_as_any_other(service: Service, web_root: Path) -> None:
    session = ScriptedSession(Queued(2), TextDelta("a", 1), END)
    body = client_of(service, web_root, session).post(COMPLETION, json=PROMPT).json()
    assert body["choices"][0]["text"] == "a"
