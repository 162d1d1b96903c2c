"""Requests that must wait, or may not even do that, on the wire."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from llamapack_runtime.api.service import Ready, Service
from llamapack_runtime.chat.session import Session
from llamapack_runtime.engine.types import Emit, Event, Failed, Finished, Queued, Request, TextDelta
from runtime.api.clients import make_client
from runtime.api.scripted import ScriptedSession

COMPLETION = "/v1/completions"
PROMPT: dict[str, object] = {"prompt": [1, 2, 3]}
END = Finished("stop", 3, 0, 1, 0.0, 0.0)
BUSY = Failed("The server is busy. Try again in 7 s.", 503, "server_busy", 7)


class Answering(ScriptedSession):
    """Says the same to every request, at once."""

    def __init__(self, *events: Event) -> None:
        super().__init__()
        self._events = events

    def submit(self, request: Request, emit: Emit) -> None:
        super().submit(request, emit)
        for event in self._events:
            emit(event)


def client_of(service: Service, web_root: Path, session: Session) -> TestClient:
    service.state = Ready(session, "")
    return make_client(service, web_root)


@pytest.mark.parametrize("stream", [False, True])
def test_a_refusal_says_when_to_come_again(service: Service, web_root: Path, stream: bool) -> None:
    client = client_of(service, web_root, Answering(BUSY))
    reply = client.post(COMPLETION, json=PROMPT | {"stream": stream})
    assert (reply.status_code, reply.headers["retry-after"]) == (503, "7")
    assert reply.json()["error"] == {
        "message": "The server is busy. Try again in 7 s.",
        "type": "unavailable_error",
        "param": None,
        "code": "server_busy",
    }


def test_a_stream_tells_how_many_go_before(service: Service, web_root: Path) -> None:
    session = Answering(Queued(2), TextDelta("a", 1), END)
    text = client_of(service, web_root, session).post(COMPLETION, json=PROMPT | {"stream": True})
    first, second = text.text.split("\n\n")[:2]
    assert first == ": queued, 2 before you"
    assert json.loads(second.removeprefix("data: "))["choices"][0]["text"] == "a"


def test_a_whole_answer_that_waited_is_as_any_other(service: Service, web_root: Path) -> None:
    session = Answering(Queued(2), TextDelta("a", 1), END)
    body = client_of(service, web_root, session).post(COMPLETION, json=PROMPT).json()
    assert body["choices"][0]["text"] == "a"
